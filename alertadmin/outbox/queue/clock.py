"""One clock for all machines that work on the outbox: the database's.

A lease is written by one machine and judged by another, whose own clock may be minutes off.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db import connection
from django.utils import timezone

from alertadmin.outbox import messages

Clock = Callable[[], datetime]

MEASURED_FOR = 30.0
"""Seconds until the database is asked anew; in between it is counted on from its answer."""

EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
"""No version of this program is as old: a clock that says so has lost its battery."""


class ClockIsWrong(Exception):
    """Nothing may be looked for or sent; the message is a sentence (see retelling)."""


def check(now: datetime) -> None:
    """Raises ClockIsWrong."""
    if now < EARLIEST:
        raise ClockIsWrong(messages.CLOCK_IS_WRONG % {"time": f"{now.astimezone(UTC):%Y-%m-%d %H:%M}"})


class DatabaseClock:
    """Calling it gives the time. SQLite is on this machine, so there it is this machine's."""

    def __init__(self) -> None:
        self._measured: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        if connection.vendor != "postgresql":
            return timezone.now()
        measured = self._measured
        if measured is None or monotonic() - measured[1] > MEASURED_FOR:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                self._measured = measured = (cursor.fetchone()[0], monotonic())
        told, at = measured
        return told + timedelta(seconds=monotonic() - at)
