from alertadmin.outbox.models import Level
from alertadmin.reminders.models.calendar import CalendarEntry, CalendarFeed
from alertadmin.reminders.models.policy import DigestChoice, Policy
from alertadmin.reminders.models.recipient import Recipient
from alertadmin.reminders.models.reminder import Reminder, ReminderKind, ReminderLine, Scan
from alertadmin.reminders.models.snooze import Snooze, SnoozeKind

__all__ = [
    "CalendarEntry",
    "CalendarFeed",
    "DigestChoice",
    "Level",
    "Policy",
    "Recipient",
    "Reminder",
    "ReminderKind",
    "ReminderLine",
    "Scan",
    "Snooze",
    "SnoozeKind",
]
