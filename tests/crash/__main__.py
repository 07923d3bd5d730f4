"""`python -m tests.crash`: the whole matrix as one table, some minutes long. Exit code 1 if a promise was broken.

Below it the orders of things that other systems have, and ours had, in the place of ours: each must be caught
(`--controls`: they alone). With `--rounds 100` so many rounds of random kills and outages on each database instead,
`--seed` to repeat them.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox import Sandbox
from tests.crash.chaos import Chaos
from tests.crash.databases import Postgresql, Sqlite, postgresql_server
from tests.crash.matrix import DATABASES, IN_DOUBT, PROGRAMS, Cell, DatabaseName, fresh, play, steps
from tests.crash.scenario import Verdict, World
from tests.helpers.valkey import Valkey
from tests.supervisor.installation import PROJECT

COLUMNS = [(program, database) for program in PROGRAMS for database in DATABASES]
WIDTH = 18
WRONG_ORDERS = {
    "lemur": ("tells on the very day alone, keeps no record", "lost after a missed day"),
    "healthchecks": ("marks it as sent, then sends", "lost by a kill"),
    "boulder": ("sends, then marks it", "twice by a kill"),
    "post_office": ("sends a batch, then marks all of it", "twice by a kill"),
    "alertadmin": ("ends what was never clearly answered", "lost in an outage"),
}
"""Whose it is, what it does, what comes of it (`tests.reminders.mutants`)."""


@dataclass
class Ground:
    """Shared by all tests: an installation on each database, to make copies of, and a broker."""

    folder: Path
    valkey: Valkey
    templates: dict[DatabaseName, World]

    def world(self, database: DatabaseName, name: str) -> World:
        return self.templates[database].copy(self.folder / name, valkey=fresh(self.valkey))


@contextmanager
def ground() -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="alertadmin-crash-") as root, ExitStack() as open_things:
        folder = Path(root)
        sandbox = open_things.enter_context(Sandbox(folder / "sandbox"))
        valkey = open_things.enter_context(Valkey(folder / "valkey"))
        server = open_things.enter_context(postgresql_server())
        templates: dict[DatabaseName, World] = {
            "SQLite": World.begin(folder / "sqlite", Sqlite(folder / "sqlite"), sandbox),
            "PostgreSQL": World.begin(folder / "postgresql", Postgresql(server), sandbox),
        }
        yield Ground(folder, valkey, templates)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=0, help="so many rounds of random kills and outages on each database"
    )
    parser.add_argument("--seed", type=int, help="of the rounds; without it another each time")
    parser.add_argument("--controls", action="store_true", help="the known wrong orders alone")
    options = parser.parse_args()
    if options.controls:
        return controls()
    if options.rounds:
        return rounds(options.rounds, random.randrange(1_000_000) if options.seed is None else options.seed)
    return matrix()


def rounds(count: int, seed: int) -> int:
    """What fell upon it how often, and what came of it."""
    broken = 0
    with ground() as stand:
        for database in DATABASES:
            _print(f"{count} rounds on {database}, seed {seed}\n")
            world = stand.world(database, f"rounds-{database}")
            chaos = Chaos(world, seed, count)
            try:
                chaos.go()
            except AssertionError as error:
                _print(f"  {error}\n")
            finally:
                world.close()
                world.sandbox.faults.clear()
            for blow, times in sorted(chaos.done.items()):
                _print(f"  {blow:<36}{times:>4}\n")
            verdict = world.verdict()
            broken += not verdict.is_kept
            kept = "" if verdict.is_kept else f"  BROKEN: {verdict}"
            _print(f"  of {len(world.recipients)} mails {_words(verdict)}, more often {verdict.more}{kept}\n\n")
    return 1 if broken else 0


def matrix() -> int:
    with ground() as stand:
        broken = 0
        for drafts in (False, True):
            _head(drafts=drafts)
            for step in steps(drafts=drafts):
                _print(f"{step + (' *' if step in IN_DOUBT and not drafts else ''):<24}")
                for program, database in COLUMNS:
                    cell = Cell(step, program, database, drafts)
                    verdict = play(cell, stand.world(database, cell.label))
                    kept = verdict.is_kept and verdict.twice <= cell.most_twice
                    broken += not kept
                    _print(f"{_words(verdict) + ('' if kept else '  BROKEN'):<{WIDTH}}")
                _print("\n")
    _print(
        "\n* between the provider's acceptance and our commit: the one case in which a message may come twice,\n"
        "  as the same message (Message-ID, Date), and shown as uncertain.\n"
    )
    return max(controls(), 1 if broken else 0)


def controls() -> int:
    """A proof that cannot fail proves nothing: the same history with a wrong order of things in the place of ours."""
    _print("\nThe known wrong orders of things, in the place of ours:\n")
    missed = 0
    for whose, (order, comes) in WRONG_ORDERS.items():
        test = f"tests/reminders/test_state_machine.py::test_the_known_wrong_orders_are_caught[{whose}]"
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", test], cwd=PROJECT, capture_output=True)
        missed += done.returncode != 0
        _print(f"{whose:<14}{order:<46}{'caught: ' + comes if done.returncode == 0 else 'NOT CAUGHT'}\n")
    return 1 if missed else 0


def _head(*, drafts: bool) -> None:
    _print(
        "\nWhere the app may keep drafts (Mail.ReadWrite):\n" if drafts else "\nWhere it may send alone (Mail.Send):\n"
    )
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
