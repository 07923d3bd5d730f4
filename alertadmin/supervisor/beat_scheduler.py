"""Celery beat's scheduler by a monotonic clock, with its state in memory only.

Celery's own scheduler compares the wall clock with the time of the last run, which it keeps in a file: if the
clock was set two days ahead for a moment, no task runs for two days, also after a restart (celery/celery#6742, #5892).
This scheduler stores nothing. After a restart each task may run once more than needed; the tasks decide by the
database's rows what must not be repeated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

from alertadmin.operator_log.events import Event, log_event

log = logging.getLogger(__name__)

RARE = 3600.0
"""Seconds. A task with a longer interval than this first runs `SETTLED` seconds after the start."""
SETTLED = 300.0
"""Seconds after the start at which the rare tasks are sent: a worker that restarts again and again then scans and
delivers each time, but does not prune each time."""
RETRY = 5.0
"""Seconds until a task is sent again that the broker did not accept."""
JUMP = 30.0
"""Seconds by which the wall clock may differ from the time since boot. If it was set by more, other rows are due, and
the frequent tasks are sent at once."""
LONGEST_SLEEP = 5.0
"""Seconds. A sleep does not count the time for which the machine is suspended, `seconds_since_boot` does: the scheduler
notices a wake-up or a changed clock within this time."""


def seconds_since_boot() -> float:
    """Return a time that also counts while the machine is suspended (Linux) and that setting the clock does not
    change."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class MonotonicScheduler(Scheduler):
    """Send each entry of `beat_schedule` at its interval (a number of seconds), the first time at the start."""

    max_interval = LONGEST_SLEEP  # type: ignore[assignment]  # celery-types knows of whole seconds only
    clock: Callable[[], float] = staticmethod(seconds_since_boot)
    wall_clock: Callable[[], float] = staticmethod(time.time)

    def setup_schedule(self) -> None:
        super().setup_schedule()
        self._due: dict[str, float] = {}
        self._begin(self.clock())

    def _begin(self, now: float) -> None:
        """Schedule the frequent tasks at once, the rare ones `SETTLED` seconds later unless they are due before."""
        self._offset = self.wall_clock() - now
        for name, entry in self.schedule.items():
            first = now + (SETTLED if _interval(entry) > RARE else 0.0)
            self._due[name] = min(first, self._due.get(name, first))

    def tick(self, *_args: Any, **_options: Any) -> float:
        """Send the task that has been due for longest, if any. Return the seconds until the next call."""
        now = self.clock()
        jumped = self.wall_clock() - now - self._offset
        if abs(jumped) > JUMP:
            log_event(Event.CLOCK_SET, logging.WARNING, by_s=round(jumped))
            self._begin(now)
        name = min(self._due, key=lambda name: self._due[name])
        if self._due[name] > now:
            return float(min(self._due[name] - now, self.max_interval))
        entry = self.schedule[name]
        interval = _interval(entry)
        self._due[name] = now + (interval if self._send(entry) else min(RETRY, interval))
        return 0.0

    def _send(self, entry: ScheduleEntry) -> bool:
        """Return whether the broker accepted the task. Uses the connection pool, which reconnects after an outage."""
        try:
            self.app.send_task(str(entry.task), retry=False, ignore_result=True, **(entry.options or {}))
        except Exception as error:
            # A broken broker raises errors of kombu and redis, and OSError. The worker logs that it is unreachable.
            log.debug("%s was not sent: %s", entry.task, type(error).__name__)
            return False
        return True


def _interval(entry: ScheduleEntry) -> float:
    every: Any = entry.schedule
    return float(every.run_every.total_seconds())
