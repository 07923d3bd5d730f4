"""`python -m tests.crash`: the whole matrix as one table, some minutes long. Exit code 1 if a promise was broken."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from alertadmin.outbox.crashpoints import POINTS
from sandbox import Sandbox
from tests.crash.cells import DATABASES, IN_DOUBT, PROGRAMS, Cell, DatabaseName, fresh, play
from tests.crash.databases import Postgresql, Sqlite, postgresql_server
from tests.crash.world import Verdict, World
from tests.valkey import Valkey

COLUMNS = [(program, database) for program in PROGRAMS for database in DATABASES]
WIDTH = 18


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="alertadmin-crash-") as root, ExitStack() as open_things:
        folder = Path(root)
        sandbox = open_things.enter_context(Sandbox(folder / "sandbox"))
        valkey = open_things.enter_context(Valkey(folder / "valkey"))
        server = open_things.enter_context(postgresql_server())
        templates: dict[DatabaseName, World] = {
            "SQLite": World.begin(folder / "sqlite", Sqlite(folder / "sqlite"), sandbox),
            "PostgreSQL": World.begin(folder / "postgresql", Postgresql(server), sandbox),
        }
        _head()
        broken = 0
        for step in POINTS:
            _print(f"{step + (' *' if step in IN_DOUBT else ''):<24}")
            for program, database in COLUMNS:
                cell = Cell(step, program, database)
                verdict = play(cell, templates[database].copy(folder / cell.label, valkey=fresh(valkey)))
                kept = verdict.is_kept and verdict.twice <= cell.most_twice
                broken += not kept
                _print(f"{_words(verdict) + ('' if kept else '  BROKEN'):<{WIDTH}}")
            _print("\n")
    _print(
        "\n* between the provider's acceptance and our commit: the one case in which a message may come twice,\n"
        "  as the same message (Message-ID, Date), and shown as uncertain.\n"
    )
    return 1 if broken else 0


def _head() -> None:
    _print(
        f"{'killed -9 at':<24}" + "".join(f"{program}, {database}".ljust(WIDTH) for program, database in COLUMNS) + "\n"
    )


def _words(verdict: Verdict) -> str:
    return f"lost {verdict.lost}, twice {verdict.twice}"


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
