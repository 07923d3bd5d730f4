"""The real worker and its real beat, while the machine's clock is set."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.crash.scenario import World
from tests.supervisor.installation import eventually

pytestmark = pytest.mark.crash

SHIFT = signal.SIGRTMIN + 3
"""Each process of the worker moves its clock by the seconds in the file SHIFT_FILE when it gets this signal."""
MOVABLE_CLOCK = f"""
import os, signal
from datetime import datetime, timedelta, UTC
from pathlib import Path
import time_machine

file = Path(os.environ["SHIFT_FILE"])
moved = time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(file.read_text()))).start()
signal.signal({int(SHIFT)}, lambda *_: moved.shift(timedelta(seconds=float(file.read_text()))))

from alertadmin.supervisor import celery_worker
celery_worker.main()
"""


class MovableClock:
    """A worker of a world, its clock ahead of ours by so much."""

    def __init__(self, world: World, ahead: timedelta) -> None:
        self._world = world
        self._file = world.folder / "shift"
        self._file.write_text(str(ahead.total_seconds()))
        self.worker = world.start_worker(program=["-c", MOVABLE_CLOCK], SHIFT_FILE=str(self._file))

    def shift(self, by: timedelta) -> None:
        self._file.write_text(str(by.total_seconds()))
        os.killpg(self.worker.pid, SHIFT)


@pytest.mark.parametrize(
    "days",
    [2, pytest.param(-2, marks=pytest.mark.slow), pytest.param(3650, marks=pytest.mark.slow)],
    ids="{:+d} days".format,
)
def test_a_clock_that_is_set_and_set_back_stops_no_scan(make_world: Callable[..., World], days: int) -> None:
    """Nor does a restart in between. (A scan is a row; the default interval is an hour.)"""
    world, wrong = make_world(), timedelta(days=days)
    clock = MovableClock(world, timedelta())
    assert eventually(lambda: scans(world) == 1), world.state()
    clock.shift(wrong)
    assert eventually(lambda: scans(world) == 2), world.state()
    world.kill(clock.worker)
    clock = MovableClock(world, wrong)
    assert eventually(lambda: scans(world) == 3), world.state()
    clock.shift(-wrong)
    assert eventually(lambda: scans(world) == 4), world.state()
    world.kill(clock.worker)
    world.start_worker()
    assert eventually(lambda: scans(world) == 5), world.state()


def test_it_leaves_no_file_that_could_be_believed(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.start_worker()
    assert eventually(lambda: scans(world) == 1), world.state()
    assert [path.name for path in world.folder.iterdir() if "beat" in path.name] == []


def scans(world: World) -> int:
    [(count,)] = world.database.query("SELECT count(*) FROM reminders_scan")
    return int(count)
