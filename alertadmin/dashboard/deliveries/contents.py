"""Lines of a reminder mail with their current status and page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from alertadmin.dashboard.ui.badges import BAD, DOUBTFUL, OVER, SOON, Badge, badge_of_expiry
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import CredentialState
from alertadmin.reminders.compose.reminder_lines import ComposedLine, line
from alertadmin.reminders.models import Reminder, ReminderKind, ReminderLine

MOST = 50


@dataclass(frozen=True)
class DeliveryContents:
    line: ComposedLine
    badge: Badge

    @property
    def url(self) -> str:
        """Path of the link in the mail, for use on a page."""
        return self.line.url.removeprefix(settings.PUBLIC_URL)


def read_contents(delivery: Delivery, now: datetime) -> tuple[list[DeliveryContents], int]:
    """Return the first MOST lines, most urgent first, and the number of further ones."""
    found = lines_of(delivery)
    shown = [DeliveryContents(line(notice.reminder, now), _badge_of(notice.reminder, now)) for notice in found[:MOST]]
    return shown, max(0, found.count() - len(shown)) if len(shown) == MOST else 0


def lines_of(delivery: Delivery) -> QuerySet[ReminderLine]:
    return (
        ReminderLine.objects.filter(delivery=delivery)
        .select_related(
            "reminder__tenant", "reminder__credential__app", "reminder__mailbox__app", "reminder__consent_change__app"
        )
        .defer("reminder__credential__value", "reminder__credential__certificate")
        .defer("reminder__mailbox__password", "reminder__mailbox__refresh_token")
        .order_by("reminder__expires_at", "pk")
    )


def _badge_of(reminder: Reminder, now: datetime) -> Badge:
    if reminder.kind == ReminderKind.CONSENT:
        return DOUBTFUL
    if reminder.credential is None:
        return BAD if reminder.expires_at <= now else SOON
    return OVER if reminder.credential.state == CredentialState.RETIRED else badge_of_expiry(reminder.credential, now)
