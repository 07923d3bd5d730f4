"""What will be told of a credential, and when: the same pure rule, looked at from ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.reminders.rules import THRESHOLDS, WEEKLY

SHOWN_WHILE_EXPIRED = 3


@dataclass(frozen=True)
class Coming:
    """A reminder that will be owed at `at`; `threshold` is days before the end, negative after it."""

    threshold: int
    at: datetime


def coming(expires_at: datetime, now: datetime, thresholds: tuple[int, ...] = THRESHOLDS) -> list[Coming]:
    """The thresholds still ahead, the next first; after the last of them every week for as long as it stays expired."""
    ahead = [Coming(days, expires_at - timedelta(days=days)) for days in sorted(thresholds, reverse=True)]
    ahead = [one for one in ahead if one.at > now]
    if ahead:
        return ahead
    weeks = max(0, (now - expires_at) // timedelta(days=WEEKLY))
    later = range(weeks + 1, weeks + 1 + SHOWN_WHILE_EXPIRED)
    return [Coming(-WEEKLY * week, expires_at + timedelta(days=WEEKLY * week)) for week in later]
