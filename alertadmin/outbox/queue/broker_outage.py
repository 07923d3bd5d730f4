"""Log a broker outage: one line when it begins, one every ten minutes, one when the broker is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from alertadmin.operator_log.events import Event, log_event

REPEATED_AFTER = 600.0
"""Seconds between two log lines about the same outage."""
_reported_by_parent = False


def leave_to_parent() -> None:
    """Stop logging outages in this process: the parent worker process logs them."""
    global _reported_by_parent
    _reported_by_parent = True


class BrokerOutage:
    """State of the outage log; one instance for each part of a process that uses the broker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._logged = 0.0

    def failed(self, error: BaseException) -> None:
        now = self._clock()
        if self._since is None:
            self._since = self._logged = now
        elif now - self._logged < REPEATED_AFTER:
            return
        self._logged = now
        if not _reported_by_parent:
            log_event(Event.BROKER_AWAY, logging.WARNING, error=reason(error), since_s=round(now - self._since))

    def connected(self) -> None:
        if self._since is not None and not _reported_by_parent:
            log_event(Event.BROKER_BACK, logging.WARNING, after_s=round(self._clock() - self._since))
        self._since = None


def reason(error: BaseException) -> str:
    """The error's class and first line. It contains at most the broker's address: redis-py prints no password."""
    first, *_rest = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__
