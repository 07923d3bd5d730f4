"""The matrix: each named step, in each program that takes it, on each database, with and without Graph's drafts; killed
there, then run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from alertadmin.outbox.queue.failpoints import POINTS
from tests.crash.scenario import SCAN, Verdict, World
from tests.helpers.valkey import Valkey
from tests.supervisor.installation import eventually

Program = Literal["send_reminders", "worker", "pool process"]
DatabaseName = Literal["SQLite", "PostgreSQL"]
PROGRAMS: tuple[Program, ...] = ("send_reminders", "worker", "pool process")
DATABASES: tuple[DatabaseName, ...] = ("SQLite", "PostgreSQL")

IN_DOUBT = frozenset({"after-acceptance", "before-settle"})
"""Between the provider's acceptance and our commit: no sender can know which it was, but by asking for its draft."""
OF_DRAFTS = frozenset({"draft-begun", "draft-made", "draft-kept", "draft-looked-up"})


@dataclass(frozen=True)
class Cell:
    step: str
    program: Program
    database: DatabaseName
    drafts: bool = False
    """Whether the app may keep drafts, so that nothing needs to come twice."""

    @property
    def label(self) -> str:
        drafts = "-drafts" if self.drafts else ""
        return f"{self.step}-{self.program}-{self.database}{drafts}".replace(" ", "-")

    @property
    def most_twice(self) -> int:
        return 1 if self.step in IN_DOUBT and not self.drafts else 0


def cells() -> Iterator[Cell]:
    for drafts in (False, True):
        for step, program, database in product(steps(drafts=drafts), PROGRAMS, DATABASES):
            yield Cell(step, program, database, drafts)


def steps(*, drafts: bool) -> tuple[str, ...]:
    """Without that of a scan in parts, which one mail never makes (test_scans)."""
    return tuple(step for step in POINTS if step != "scan-part-committed" and (drafts or step not in OF_DRAFTS))


def play(cell: Cell, world: World) -> Verdict:
    """One mail is due; the program is killed at the step; another run completes."""
    if cell.step == "between-ways":
        world.sandbox.faults.add("graph", status=403)  # the first route refuses
    if cell.drafts:
        world.grant("Mail.ReadWrite")
    try:
        if cell.step == "draft-looked-up":
            world.send_reminders(crash_at="draft-kept")  # and leaves something to look up
        if cell.program == "send_reminders":
            world.send_reminders(crash_at=cell.step)
            world.send_reminders()
        else:
            _with_a_worker(cell, world)
    finally:
        world.close()
        world.sandbox.faults.clear()
        world.revoke("Mail.ReadWrite")
    return world.verdict()


def _with_a_worker(cell: Cell, world: World) -> None:
    alone = cell.program == "pool process"
    worker = world.start_worker(cell.step, alone=alone)
    world.ring(SCAN)
    world.ring()  # for what is due already; a scan wakes the worker for what it finds
    if alone:
        # Its pool replaces the process by itself; nothing is restarted.
        assert eventually((world.folder / "crashed").exists), f"{cell.step} was not reached"
    else:
        assert eventually(lambda: worker.poll() is not None), f"{cell.step} was not reached"
        world.start_worker()
    world.ring(SCAN)
    world.settle()


def fresh(valkey: Valkey) -> Valkey:
    """Nothing of an earlier cell waits in it."""
    with valkey.client() as client:
        client.flushall()
    return valkey
