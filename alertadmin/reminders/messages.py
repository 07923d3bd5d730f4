"""Why a reminder was not sent (`Delivery.reason`)."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from mailer.coded_text import define

QUIET_HOURS = define(
    "reminders.quiet_hours", gettext_noop("It fell into quiet hours or a day off: it is sent when they are over.")
)
NOTHING_LEFT = define(
    "reminders.nothing_left", gettext_noop("Everything in it was renewed, superseded or deleted before it was sent.")
)
NOTHING_TO_CORRECT = define(
    "reminders.nothing_to_correct",
    gettext_noop("The calendar entries that it was to withdraw are valid again, or no longer this recipient's."),
)
