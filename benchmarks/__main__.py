"""`python -m benchmarks`: run the benchmarks and print one table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import traceback
from pathlib import Path
from time import monotonic

from benchmarks import installation, machine, registry, report, sizes


def main() -> int:
    options = _options()
    try:
        wanted = registry.chosen(options.only)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    how_much = sizes.QUICK if options.quick else sizes.FULL
    began = monotonic()
    rows: list[report.ReportRow] = []
    failed: list[str] = []
    # In the project's folder: /tmp may be in memory.
    with tempfile.TemporaryDirectory(prefix="alertadmin-bench-", dir=options.folder) as name:
        folder = Path(name)
        about = machine.description(folder)
        with installation.built(folder / "data", postgresql=options.postgresql) as place:
            about = f"{about}, {place.database}"
            for benchmark in wanted:
                print(f"… {benchmark.name}: {benchmark.question}", file=sys.stderr, flush=True)
                try:
                    rows += benchmark.run(place, how_much)
                except Exception:
                    traceback.print_exc()
                    failed.append(benchmark.name)
    seconds = monotonic() - began
    if options.json:
        told = {"machine": about, "quick": options.quick, "seconds": round(seconds, 1)}
        print(json.dumps({**told, "rows": [row.as_dict() for row in rows], "failed": failed}, ensure_ascii=False))
    else:
        print(f"\n{report.as_text(rows)}\n\n{about}; {seconds:.0f} s in all")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    names = "\n".join(f"  {one.name:<13} {one.question}" for one in registry.CATALOG)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures alertadmin and a baseline (the least work for the same result) alternately in one run.\n"
        "Each cell shows the median (least–most); the ratio is of each repeat's pair.",
        epilog=f"NAME is one of, or the first part of:\n{names}\n\n"
        "The exit code is 0 if all benchmarks ran, whether or not they met their aims.\n"
        "example: ./test --bench --only send --quick",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="NAME", help="measure this alone")
    parser.add_argument("--quick", action="store_true", help="fewer rows and repeats, in less than a minute")
    parser.add_argument("--postgresql", action="store_true", help="on a temporary PostgreSQL server instead of SQLite")
    parser.add_argument("--json", action="store_true", help="print one JSON object with every sample")
    parser.add_argument("--folder", type=Path, help="create the working folder here, on the disk to be measured")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
