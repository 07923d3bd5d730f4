"""`python -m tests.security`: each control, and the tests or the argument that hold it. `--run` runs them too, with
the remaining arguments for pytest (`--run -n 2 -m "not slow"`). Exit code 1 if one is not held."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict

import pytest

from tests.security.controls import Control, read

ENDED = ("failed", "passed", "skipped")


class Results:
    """What became of each test; of its cases, the worst."""

    def __init__(self) -> None:
        self.of: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.of[report.nodeid.partition("[")[0]].add(report.outcome)

    def line(self, control: Control) -> str:
        outcomes = {outcome for test in control.tests for outcome in self.of.get(test, {"not run"})}
        return next((ended for ended in ENDED if ended in outcomes), "not run") if control.tests else ""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.security", description=__doc__)
    parser.add_argument("--run", action="store_true", help="run the tests and say what became of them")
    chosen, for_pytest = parser.parse_known_args(arguments)
    controls = read()
    results = Results()
    if chosen.run:
        files = sorted({test.partition("::")[0] for control in controls.values() for test in control.tests})
        pytest.main(["-q", *for_pytest, *files], plugins=[results])
    elif for_pytest:
        parser.error(f"only with --run: {' '.join(for_pytest)}")
    bad = 0
    for control in controls.values():
        result = results.line(control) if chosen.run else ""
        bad += not (control.tests or control.argument) or result == "failed"
        print(f"{control.number:>2}  {control.title:<32} {result:<8} {_held(control)}".rstrip())
    held = sum(bool(control.tests) for control in controls.values())
    argued = sum(bool(control.argument) and not control.tests for control in controls.values())
    print(f"\n{held} held by tests, {argued} argued, {len(controls) - held - argued} neither.")
    return 1 if bad else 0


def _held(control: Control) -> str:
    if control.tests:
        count = len(control.tests)
        return control.tests[0] + (f" and {count - 1} more" if count > 1 else "")
    return f"argued: {control.argument}" if control.argument else "NEITHER TESTED NOR ARGUED"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
