"""Killed, stopped, suspended and emptied at moments that nobody chose."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.world import SCAN, World
from tests.start.installation import PROJECT, eventually

pytestmark = pytest.mark.crash

MakeWorld = Callable[..., World]


def strikes(world: World) -> int:
    """How many requests are, or were, held up by a fault."""
    return sum(entry["kind"] == "fault" for entry in world.sandbox.ledger.entries())


def states(world: World) -> list[str]:
    return sorted(one.state for one in world.messages())


def test_told_to_stop_a_worker_finishes_what_left_and_begins_nothing_more(make_world: MakeWorld) -> None:
    world = make_world(recipients=12)
    before = strikes(world)
    world.sandbox.faults.add("graph", delay=1, times=None)
    worker = world.start_worker()
    world.ring(SCAN)
    assert eventually(lambda: strikes(world) >= before + 4)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=6) == 0
    assert states(world) == ["pending"] * 8 + ["sent"] * 4
    world.sandbox.faults.clear()
    world.start_worker()
    world.settle()
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


def test_a_worker_that_was_suspended_sends_nothing_when_it_wakes(make_world: MakeWorld) -> None:
    world = make_world()
    before = strikes(world)
    world.sandbox.faults.add("token", delay=2)
    worker = world.start_worker()
    world.ring(SCAN)
    assert eventually(lambda: strikes(world) == before + 1)
    os.killpg(worker.pid, signal.SIGSTOP)
    assert world.send_reminders()["sent"] == 1
    os.killpg(worker.pid, signal.SIGCONT)
    too_late = "SELECT count(*) FROM outbox_attempt WHERE outcome = 'refused' AND technical LIKE '%stood still%'"
    assert eventually(lambda: world.database.query(too_late) == [(1,)])
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


def test_the_same_ring_many_times_is_one_mail(make_world: MakeWorld) -> None:
    """As when a broker doubles its messages, or comes back with those of yesterday."""
    world = make_world(recipients=3)
    for _number in range(10):
        world.ring(SCAN)
        world.ring()
    world.start_worker()
    world.start_worker()  # and two clocks
    assert eventually(lambda: world.is_settled() and world.valkey is not None and world.valkey.waiting() == 0)
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


class Chaos:
    """A worker, a broker and a cron job that live in bad times."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.worker = world.start_worker()
        self.told: list[str] = []

    def round(self) -> None:
        what = self.chance.choice(
            [self.kill_worker, self.kill_one_process, self.kill_broker, self.empty_broker, self.cron]
        )
        self.told.append(what.__name__)
        self.world.ring(self.chance.choice([SCAN, "alertadmin.outbox.tasks.deliver_due"]))
        time.sleep(self.chance.uniform(0, 1.2))
        what()

    def kill_worker(self) -> None:
        self.world.kill(self.worker)
        self.worker = self.world.start_worker()

    def kill_one_process(self) -> None:
        """Of the pool, or the clock; the worker lives on, or is started anew if it was the clock."""
        if mine := _children(self.worker.pid):
            os.kill(self.chance.choice(mine), signal.SIGKILL)
        if not eventually(lambda: self.worker.poll() is None, 0.1):
            self.worker = self.world.start_worker()

    def kill_broker(self) -> None:
        assert self.world.valkey
        self.world.valkey.kill()
        self.world.valkey.start()

    def empty_broker(self) -> None:
        assert self.world.valkey
        with self.world.valkey.client() as client:
            client.flushall()

    def cron(self) -> None:
        """The command beside the worker, killed after a moment."""
        command = [sys.executable, str(PROJECT / "manage.py"), "send_reminders"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=self.world.environ(), stdout=quiet, stderr=quiet) as process:
            time.sleep(self.chance.uniform(0.5, 2.0))
            process.kill()

    def end(self) -> None:
        if self.worker.poll() is not None:
            self.worker = self.world.start_worker()
        self.world.sandbox.faults.clear()
        self.world.ring(SCAN)
        self.world.settle(60)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.mark.parametrize(
    ("seed", "rounds"),
    [pytest.param(1, 5), pytest.param(2, 50, marks=pytest.mark.slow)],
    ids=["a few rounds", "fifty rounds"],
)
@pytest.mark.parametrize("database", ["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)])
def test_of_rounds_of_random_kills(make_world: MakeWorld, database: str, seed: int, rounds: int) -> None:
    world = make_world(database, recipients=2 * rounds)
    world.sandbox.faults.add("graph", delay=0.3, times=None)
    chaos = Chaos(world, seed)
    for _number in range(rounds):
        chaos.round()
    chaos.end()
    verdict = world.verdict()
    assert verdict.is_kept, (verdict, chaos.told)
    # Many may be in the air at a kill; most are not.
    assert verdict.twice <= len(world.recipients) / 2, (verdict, chaos.told)
