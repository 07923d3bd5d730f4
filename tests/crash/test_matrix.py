"""Killed at each step of each program on each database, then run again. `python -m tests.crash` prints all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.matrix import Cell, cells, play
from tests.crash.scenario import World

pytestmark = pytest.mark.crash


QUICK = {
    *(
        Cell(step, "send_reminders", "SQLite")
        for step in ("after-claim", "after-attempt-opened", "between-ways", "after-acceptance", "scan-written")
    ),
    *(
        Cell(step, "send_reminders", "SQLite", drafts=True)
        for step in ("draft-begun", "draft-made", "draft-looked-up", "after-acceptance")
    ),
    Cell("after-acceptance", "send_reminders", "PostgreSQL", drafts=True),
    Cell("after-acceptance", "worker", "PostgreSQL"),
    Cell("after-attempt-opened", "pool process", "SQLite"),
}
"""Enough for each ./test: where most can go wrong."""


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id=cell.label, marks=[] if cell in QUICK else [pytest.mark.slow]) for cell in cells()],
)
def test_killed_at(cell: Cell, make_world: Callable[..., World]) -> None:
    verdict = play(cell, make_world(cell.database))
    assert verdict.is_kept, verdict
    assert verdict.twice <= cell.most_twice, verdict
    assert verdict.more == 0, verdict
