"""What is owed for an end: a pure rule of the end, of now, and of a plan.

The scan asks the database the same (`thresholds`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from alertadmin.reminders.rules.schedule import DEFAULT, ESCALATE_TO_ALL_DAYS, ReminderSchedule

DAY = timedelta(days=1)
LONGEST_NAGGING = timedelta(days=3653)
"""Ten years: what expired longer ago than that has been told of often enough."""


def days_left(expires_at: datetime, now: datetime) -> int:
    """Whole days until the end, rounded up; negative after it. A threshold is reached once no more than it are left."""
    return -((now - expires_at) // DAY)


def due_threshold(expires_at: datetime, now: datetime, plan: ReminderSchedule = DEFAULT) -> int | None:
    """The nearest threshold reached: of several missed ones, only the last is told. None while none is reached.

    A threshold is a number of days before the end; the repetitions after it count -7, -14, … (for a plan that repeats
    weekly).
    """
    left = days_left(expires_at, now)
    if left <= -plan.repeat:
        return -plan.repeat * (min(-left, LONGEST_NAGGING.days) // plan.repeat)
    return min((days for days in plan.thresholds if days >= left), default=None)


def next_cutoff(expires_at: datetime, threshold: int, plan: ReminderSchedule = DEFAULT) -> datetime:
    """When the reminder after this one falls due."""
    nearer = [days for days in plan.thresholds if days < threshold]
    following = max(nearer) if nearer else threshold - plan.repeat if threshold <= 0 else -plan.repeat
    return expires_at - timedelta(days=following)


def is_escalated(threshold: int, plan: ReminderSchedule, *, unanswered: bool) -> bool:
    """Whether the next in line is told too; `unanswered` says that a threshold was told after which nobody said that
    they are on it."""
    return threshold <= ESCALATE_TO_ALL_DAYS or (threshold <= plan.escalate and unanswered)
