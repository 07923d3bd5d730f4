from alertadmin.outbox.models import Line
from alertadmin.reminders.models.calendar import CalendarEntry, CalendarFeed
from alertadmin.reminders.models.hold import Hold, HoldKind
from alertadmin.reminders.models.policy import DigestChoice, Policy
from alertadmin.reminders.models.recipient import Recipient
from alertadmin.reminders.models.reminder import Kind, Notice, Reminder, Scan

__all__ = [
    "CalendarEntry",
    "CalendarFeed",
    "DigestChoice",
    "Hold",
    "HoldKind",
    "Kind",
    "Line",
    "Notice",
    "Policy",
    "Recipient",
    "Reminder",
    "Scan",
]
