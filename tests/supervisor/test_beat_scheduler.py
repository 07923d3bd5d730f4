"""The times at which beat sends its tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from celery import Celery

from alertadmin.supervisor.beat_scheduler import RETRY, SETTLED, MonotonicScheduler

DAY = 24 * 3600.0
SCHEDULE = {"deliver": 30.0, "scan": 3600.0, "prune": DAY}


@dataclass
class Machine:
    """The scheduler's two clocks: the time since boot, and the wall clock."""

    boot: float = 100.0
    wall: float = 1_800_000_000.0
    broker: bool = True
    sent: list[tuple[float, str]] = field(default_factory=list)

    def beat(self) -> MonotonicScheduler:
        app: Any = Celery(set_as_current=False, broker="memory://")
        app.conf.beat_schedule = {name: {"task": name, "schedule": every} for name, every in SCHEDULE.items()}
        app.send_task = self._send

        class Scheduler(MonotonicScheduler):
            clock = staticmethod(lambda: self.boot)
            wall_clock = staticmethod(lambda: self.wall)

        return Scheduler(app=app)

    def _send(self, name: str, **_options: Any) -> None:
        if not self.broker:
            raise OSError("no broker")
        self.sent.append((self.boot, name))

    def run(self, scheduler: MonotonicScheduler, seconds: float) -> list[str]:
        """Return the tasks that are sent in so many seconds."""
        before, until = len(self.sent), self.boot + seconds
        while self.boot <= until:
            wait = scheduler.tick()
            self.boot += wait
            self.wall += wait
        return [name for _at, name in self.sent[before:]]


def test_frequent_tasks_are_sent_at_start_and_rare_ones_later() -> None:
    machine = Machine()
    scheduler = machine.beat()
    assert sorted(machine.run(scheduler, 1)) == ["deliver", "scan"]
    assert "prune" in machine.run(scheduler, SETTLED)


def test_each_task_keeps_its_interval_over_a_week() -> None:
    machine = Machine()
    sent = machine.run(machine.beat(), 7 * DAY)
    assert {name: sent.count(name) for name in SCHEDULE} == {
        "deliver": pytest.approx(7 * DAY / 30, abs=2),
        "scan": pytest.approx(7 * 24, abs=1),
        "prune": 7,
    }


@pytest.mark.parametrize("by", [2 * DAY, -2 * DAY, 3650 * DAY, -18_000 * DAY, 31.0])
def test_changed_clock_sends_frequent_tasks_at_once(by: float) -> None:
    machine = Machine()
    scheduler = machine.beat()
    machine.run(scheduler, 1000)
    machine.wall += by
    assert sorted(machine.run(scheduler, 1)) == ["deliver", "scan"]
    machine.wall -= by
    assert sorted(machine.run(scheduler, 1)) == ["deliver", "scan"]
    assert machine.run(scheduler, 3600).count("deliver") == pytest.approx(120, abs=2)


def test_slewed_clock_changes_nothing() -> None:
    machine = Machine()
    scheduler = machine.beat()
    machine.run(scheduler, 1000)
    machine.wall += 20
    assert machine.run(scheduler, 1) == []


def test_repeatedly_set_clock_does_not_delay_rare_tasks() -> None:
    machine = Machine()
    scheduler = machine.beat()
    sent = []
    for _minute in range(10):
        machine.wall += DAY
        sent += machine.run(scheduler, 60)
    assert "prune" in sent


def test_wake_up_sends_frequent_tasks_at_once() -> None:
    """The time since boot and the wall clock go on during the suspension."""
    machine = Machine()
    scheduler = machine.beat()
    machine.run(scheduler, 1000)
    machine.boot += 10 * DAY
    machine.wall += 10 * DAY
    assert set(machine.run(scheduler, 1)) == set(SCHEDULE)


def test_task_refused_by_the_broker_is_sent_again() -> None:
    machine = Machine(broker=False)
    scheduler = machine.beat()
    assert machine.run(scheduler, 60) == []
    machine.broker = True
    assert sorted(machine.run(scheduler, RETRY)) == ["deliver", "scan"]


def test_sleep_is_limited() -> None:
    machine = Machine()
    scheduler = machine.beat()
    machine.run(scheduler, 1)
    assert 0 < scheduler.tick() <= 5
