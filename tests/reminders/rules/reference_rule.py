"""When a reminder is due, in plain Python: the reference of `rules.thresholds`, which evaluates the rule in SQL."""

from __future__ import annotations

from datetime import datetime

from alertadmin.reminders.rules.schedule import DEFAULT, MAX_REPEAT_PERIOD, ReminderSchedule, days_left


def due_threshold(expires_at: datetime, now: datetime, plan: ReminderSchedule = DEFAULT) -> int | None:
    """The nearest threshold reached: of several missed ones, only the last counts. None if none is reached.

    A threshold is a number of days before the expiry; the repetitions after it are -7, -14, … (for a schedule that
    repeats weekly).
    """
    left = days_left(expires_at, now)
    if left <= -plan.repeat:
        return -plan.repeat * (min(-left, MAX_REPEAT_PERIOD.days) // plan.repeat)
    return min((days for days in plan.thresholds if days >= left), default=None)


def within(plan: ReminderSchedule, days: int) -> ReminderSchedule:
    """A copy with thresholds of at most `days`; `days` itself if none is left."""
    near = tuple(threshold for threshold in plan.thresholds if threshold <= days)
    return ReminderSchedule(near or (days,), plan.repeat, plan.escalate)
