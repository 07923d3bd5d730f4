"""Killed at each step of each program on each database, then run again. `python -m tests.crash` prints all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.cells import Cell, cells, play
from tests.crash.world import World

pytestmark = pytest.mark.crash


def is_quick(cell: Cell) -> bool:
    """Enough for each ./test: every step of the command on SQLite, and of the others where most can go wrong."""
    if cell.program == "send_reminders" and cell.database == "SQLite":
        return True
    return (cell.step, cell.program, cell.database) in {
        ("after-acceptance", "send_reminders", "PostgreSQL"),
        ("after-claim", "worker", "SQLite"),
        ("after-acceptance", "worker", "PostgreSQL"),
        ("after-attempt-opened", "pool process", "SQLite"),
    }


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id=cell.label, marks=[] if is_quick(cell) else [pytest.mark.slow]) for cell in cells()],
)
def test_killed_at(cell: Cell, make_world: Callable[..., World]) -> None:
    verdict = play(cell, make_world(cell.database))
    assert verdict.is_kept, verdict
    assert verdict.twice <= cell.most_twice, verdict
    assert verdict.in_doubt == 0, verdict
