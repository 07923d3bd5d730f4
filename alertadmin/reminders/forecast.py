"""What will be told of a credential, and when: the same pure rule, looked at from ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.reminders.rules import LONGEST_NAGGING, THRESHOLDS, WEEKLY

SHOWN_WHILE_EXPIRED = 3


@dataclass(frozen=True)
class Coming:
    """A reminder that will be owed at `at`; `threshold` is days before the end, negative after it."""

    threshold: int
    at: datetime


def coming(expires_at: datetime, now: datetime, thresholds: tuple[int, ...] = THRESHOLDS) -> list[Coming]:
    """The thresholds still ahead, the next first; once there are none, the next weeks, for as long as the rule nags."""
    ahead = [Coming(days, expires_at - timedelta(days=days)) for days in sorted(thresholds, reverse=True)]
    ahead = [one for one in ahead if one.at > now]
    if ahead:
        return ahead
    weeks = max(0, (now - expires_at) // timedelta(days=WEEKLY))
    last = LONGEST_NAGGING // timedelta(days=WEEKLY)
    later = range(weeks + 1, min(weeks + SHOWN_WHILE_EXPIRED, last) + 1)
    return [Coming(-WEEKLY * week, expires_at + timedelta(days=WEEKLY * week)) for week in later]
