"""What is owed for a credential: a pure rule of its end and of now.

The scan asks the database the same question through the same `marks`, so that rule and scan cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

THRESHOLDS = (90, 60, 30, 14, 7, 3, 1, 0)
"""Days before the end at which people are told; then every WEEKLY days for as long as it stays expired."""
WEEKLY = 7
LONGEST_NAGGING = timedelta(days=3653)
"""Ten years: what expired longer ago than that has been told of often enough."""


@dataclass(frozen=True)
class Mark:
    """A credential whose end is at or before `cutoff` has reached this threshold."""

    threshold: int
    cutoff: datetime


def marks(now: datetime, oldest: datetime | None, thresholds: tuple[int, ...] = THRESHOLDS) -> list[Mark]:
    """Every threshold that a credential can have reached by now, the latest first.

    `oldest` is the earliest end there is: it bounds the weeks to look back. A threshold is a number of days before the
    end; the weeks after it count -7, -14, …
    """
    weeks = 0
    if oldest is not None and oldest < now:
        weeks = min(now - oldest, LONGEST_NAGGING) // timedelta(days=WEEKLY)
    every = [-WEEKLY * week for week in range(weeks, 0, -1)] + sorted(thresholds)
    return [Mark(threshold, now + timedelta(days=threshold)) for threshold in every]


def owed(expires_at: datetime, now: datetime, thresholds: tuple[int, ...] = THRESHOLDS) -> int | None:
    """The nearest threshold reached: of several missed ones, only the last is told. None while none is reached."""
    reached = (mark.threshold for mark in marks(now, expires_at, thresholds) if expires_at <= mark.cutoff)
    return next(reached, None)
