"""Workers, databases and brokers killed, stopped, suspended and emptied at random moments."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from threading import Event

import pytest

from tests.commands.fork_server import PATIENCE
from tests.crash.chaos import Chaos
from tests.crash.scenario import SCAN, World
from tests.supervisor.installation import eventually

pytestmark = pytest.mark.crash

MakeWorld = Callable[..., World]


def strikes(world: World) -> int:
    """How many requests are, or were, held up by a fault."""
    return sum(entry["kind"] == "fault" for entry in world.sandbox.ledger.entries())


def states(world: World) -> list[str]:
    return sorted(one.state for one in world.messages())


def test_shutdown_finishes_the_current_delivery(make_world: MakeWorld) -> None:
    world = make_world(recipients=12)
    before = strikes(world)
    world.sandbox.faults.add("graph", delay=1, times=None)
    worker = world.start_worker()
    world.ring(SCAN)
    assert eventually(lambda: strikes(world) >= before + 4)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=PATIENCE) == 0
    left = strikes(world) - before
    assert 4 <= left <= 8
    assert states(world) == ["pending"] * (12 - left) + ["sent"] * left
    world.sandbox.faults.clear()
    world.start_worker()
    world.settle()
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


def test_a_worker_that_was_suspended_sends_nothing_when_it_wakes(make_world: MakeWorld) -> None:
    world = make_world()
    before = strikes(world)
    woken = Event()
    world.sandbox.faults.add("token", delay=PATIENCE, until=woken)
    worker = world.start_worker()
    world.ring(SCAN)
    assert eventually(lambda: strikes(world) == before + 1)
    os.killpg(worker.pid, signal.SIGSTOP)
    assert world.send_reminders()["sent"] == 1
    woken.set()
    os.killpg(worker.pid, signal.SIGCONT)
    too_late = "SELECT count(*) FROM outbox_attempt WHERE outcome = 'refused' AND technical LIKE '%outbox.lease_lost%'"
    assert eventually(lambda: world.database.query(too_late) == [(1,)])
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


def test_a_worker_whose_stop_hangs_ends_all_the_same(make_world: MakeWorld) -> None:
    """Seen of Celery after the death of one of its processes; here it waits for one that hears nothing for minutes."""
    world = make_world()
    before = strikes(world)
    world.sandbox.faults.add("graph", delay=2 * PATIENCE)
    worker = world.start_worker(longest_stop=0.5)
    world.ring(SCAN)
    assert eventually(lambda: strikes(world) == before + 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=PATIENCE) == 1
    assert "most recent call first" in (world.folder / "worker.log").read_text()
    world.kill(worker)
    world.start_worker()
    world.settle()
    assert world.verdict().is_kept, world.verdict()


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


SEED = int(os.environ.get("CRASH_SEED") or time.time_ns() % 1_000_000)
"""Chosen anew each time; a failure prints it, and the variable sets it."""
HOW_MANY = int(os.environ.get("CRASH_ROUNDS") or 100)
"""Rounds of the long test, on each database."""


@pytest.mark.parametrize(
    ("database", "rounds"),
    [
        pytest.param("SQLite", 5, id="a few on SQLite"),
        pytest.param("SQLite", HOW_MANY, marks=pytest.mark.slow, id="many on SQLite"),
        pytest.param("PostgreSQL", HOW_MANY, marks=pytest.mark.slow, id="many on PostgreSQL"),
    ],
)
def test_rounds_of_random_kills_lose_nothing(make_world: MakeWorld, database: str, rounds: int) -> None:
    world = make_world(database)
    told = f"CRASH_SEED={SEED} CRASH_ROUNDS={rounds}"
    chaos = Chaos(world, SEED, rounds)
    try:
        chaos.go()
    except AssertionError as error:
        raise AssertionError(f"{told}: {error}") from error
    verdict = world.verdict()
    assert verdict.is_kept, (told, verdict, chaos.done)
    # Some are in the air at a kill; most are not.
    assert verdict.twice <= len(world.recipients) / 2, (told, verdict, chaos.done)
