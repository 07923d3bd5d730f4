"""Beat's schedule, by a clock that cannot be set, kept in memory alone.

Celery's own scheduler compares the wall clock with the time of the last run, which it keeps in a file: a clock that ran
two days ahead for a moment stops it for two days, also after a restart (celery/celery#6742, #5892). Here nothing is
stored, so there is nothing to believe, to corrupt or to be unable to write. Each task may run once more than needed:
what must not be repeated is decided by its rows.
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
"""Seconds. What runs more rarely than this waits for `SETTLED` after the start."""
SETTLED = 300.0
"""Seconds after the start at which the rare tasks are sent: a worker that is restarted again and again scans and
delivers each time, and does not prune each time."""
RETRY = 5.0
"""Seconds until a task that the broker did not take is sent again."""
JUMP = 30.0
"""Seconds by which the wall clock is set, against the time since boot, that make what is due something else: then the
frequent tasks are sent at once."""
LONGEST_SLEEP = 5.0
"""Seconds. A sleep does not count the time for which the machine was suspended, the clock does: so soon after it wakes
up, or its clock is set, that is noticed."""


def seconds_since_boot() -> float:
    """Counts on while the machine is suspended (Linux). Setting the time changes nothing of it."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class MonotonicScheduler(Scheduler):
    """Sends each entry of `beat_schedule` at its interval (a number of seconds), the first time at the start."""

    max_interval = LONGEST_SLEEP  # type: ignore[assignment]  # celery-types knows of whole seconds only
    clock: Callable[[], float] = staticmethod(seconds_since_boot)
    wall_clock: Callable[[], float] = staticmethod(time.time)

    def setup_schedule(self) -> None:
        super().setup_schedule()
        self._due: dict[str, float] = {}
        self._begin(self.clock())

    def _begin(self, now: float) -> None:
        """The frequent tasks at once, the rare ones a while later unless they are due before."""
        self._offset = self.wall_clock() - now
        for name, entry in self.schedule.items():
            first = now + (SETTLED if _interval(entry) > RARE else 0.0)
            self._due[name] = min(first, self._due.get(name, first))

    def tick(self, *_args: Any, **_options: Any) -> float:
        """Sends the task that is due for longest, if any. Returns the seconds until the next call."""
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
        """Whether the broker took it. A connection of the pool, which is opened anew after the broker was away."""
        try:
            self.app.send_task(str(entry.task), retry=False, ignore_result=True, **(entry.options or {}))
        except Exception as error:
            # Anything that a broken broker raises (kombu, redis, OSError). The worker logs that it is away.
            log.debug("%s was not sent: %s", entry.task, type(error).__name__)
            return False
        return True


def _interval(entry: ScheduleEntry) -> float:
    every: Any = entry.schedule
    return float(every.run_every.total_seconds())
