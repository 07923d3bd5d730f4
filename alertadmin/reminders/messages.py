"""Why a reminder was not sent: stored in `Delivery.reason`, told by `stored_messages`."""

from __future__ import annotations

from django.utils.translation import gettext_noop

QUIET = gettext_noop("It came into quiet hours or a day off, and waits until they are over.")
NOTHING_LEFT = gettext_noop("Everything in it was renewed, superseded or deleted before it was sent.")
NOTHING_TO_CORRECT = gettext_noop(
    "The calendar entries that it was to take back are right again, or not this recipient's."
)
