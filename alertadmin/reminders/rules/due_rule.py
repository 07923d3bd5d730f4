"""Which reminder is due: a pure function of the expiry, the time, and a schedule.

The scan evaluates the same rule in the database (`thresholds`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from alertadmin.reminders.rules.schedule import DEFAULT, ESCALATE_TO_ALL_DAYS, ReminderSchedule

DAY = timedelta(days=1)
MAX_REPEAT_PERIOD = timedelta(days=3653)
"""Ten years after the expiry the reminders stop."""


def days_left(expires_at: datetime, now: datetime) -> int:
    """Whole days until the expiry, rounded up; negative after it. A threshold is reached if it is not less."""
    return -((now - expires_at) // DAY)


def due_threshold(expires_at: datetime, now: datetime, plan: ReminderSchedule = DEFAULT) -> int | None:
    """The nearest threshold reached: of several missed ones, only the last counts. None if none is reached.

    A threshold is a number of days before the expiry; the repetitions after it are -7, -14, … (for a schedule that
    repeats weekly).
    """
    left = days_left(expires_at, now)
    if left <= -plan.repeat:
        return -plan.repeat * (min(-left, MAX_REPEAT_PERIOD.days) // plan.repeat)
    return min((days for days in plan.thresholds if days >= left), default=None)


def next_cutoff(expires_at: datetime, threshold: int, plan: ReminderSchedule = DEFAULT) -> datetime:
    """When the next reminder after this one is due."""
    nearer = [days for days in plan.thresholds if days < threshold]
    following = max(nearer) if nearer else threshold - plan.repeat if threshold <= 0 else -plan.repeat
    return expires_at - timedelta(days=following)


def is_escalated(threshold: int, plan: ReminderSchedule, *, unanswered: bool) -> bool:
    """Whether the escalation level is notified too; `unanswered`: a reminder was sent and not acknowledged."""
    return threshold <= ESCALATE_TO_ALL_DAYS or (threshold <= plan.escalate and unanswered)
