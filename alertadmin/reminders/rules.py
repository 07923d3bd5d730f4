"""What is owed for an end: a pure rule of the end, of now, and of a plan.

The scan asks the database the same question through the same `marks`, so that rule and scan cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.reminders.plan import DEFAULT, EVERYBODY, Plan

LONGEST_NAGGING = timedelta(days=3653)
"""Ten years: what expired longer ago than that has been told of often enough."""


@dataclass(frozen=True)
class Mark:
    """A credential whose end is at or before `cutoff` has reached this threshold."""

    threshold: int
    cutoff: datetime


def marks(now: datetime, oldest: datetime | None, plan: Plan = DEFAULT) -> list[Mark]:
    """Every threshold that a credential can have reached by now, the latest first.

    `oldest` is the earliest end there is: it bounds the time to look back. A threshold is a number of days before the
    end; the repetitions after it count -7, -14, … (for a plan that repeats weekly).
    """
    times = 0
    if oldest is not None and oldest < now:
        times = min(now - oldest, LONGEST_NAGGING) // timedelta(days=plan.repeat)
    every = [-plan.repeat * time for time in range(times, 0, -1)] + sorted(plan.thresholds)
    return [Mark(threshold, now + timedelta(days=threshold)) for threshold in every]


def owed(expires_at: datetime, now: datetime, plan: Plan = DEFAULT) -> int | None:
    """The nearest threshold reached: of several missed ones, only the last is told. None while none is reached."""
    reached = (mark.threshold for mark in marks(now, expires_at, plan) if expires_at <= mark.cutoff)
    return next(reached, None)


def next_mark(expires_at: datetime, threshold: int, plan: Plan = DEFAULT) -> datetime:
    """When the reminder after this one falls due."""
    nearer = [days for days in plan.thresholds if days < threshold]
    following = max(nearer) if nearer else threshold - plan.repeat if threshold <= 0 else -plan.repeat
    return expires_at - timedelta(days=following)


def is_escalated(threshold: int, plan: Plan, *, unanswered: bool) -> bool:
    """Whether the next in line is told too; `unanswered` says that a threshold was told after which nobody said that
    they are on it."""
    return threshold <= EVERYBODY or (threshold <= plan.escalate and unanswered)
