"""The database's clock, which all machines use for the outbox.

One machine writes a lease and another judges it; their own clocks may differ by minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db import connection
from django.utils import timezone

from alertadmin.outbox import messages
from mailer.coded_text import CodedError

Clock = Callable[[], datetime]

QUERY_INTERVAL = 30.0
"""Seconds between two queries of the database's time; in between the monotonic clock counts on."""

EARLIEST_PLAUSIBLE = datetime(2024, 1, 1, tzinfo=UTC)
"""Older than any version of this program: an earlier time means that the machine's clock was reset."""


class ClockIsWrong(CodedError):
    """Nothing may be scanned or sent; the message is a stored text (see stored_messages)."""


def check(now: datetime) -> None:
    """Raise ClockIsWrong if `now` is before EARLIEST_PLAUSIBLE."""
    if now < EARLIEST_PLAUSIBLE:
        raise ClockIsWrong(messages.CLOCK_IS_WRONG % {"time": f"{now.astimezone(UTC):%Y-%m-%d %H:%M}"})


class DatabaseClock:
    """Callable that returns the database's time. SQLite runs on this machine: there it is this machine's time."""

    def __init__(self) -> None:
        self._measured: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        if connection.vendor != "postgresql":
            return timezone.now()
        measured = self._measured
        if measured is None or monotonic() - measured[1] > QUERY_INTERVAL:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                self._measured = measured = (cursor.fetchone()[0], monotonic())
        database_time, measured_at = measured
        return database_time + timedelta(seconds=monotonic() - measured_at)
