"""Review of reminders after a database restore. A restored database does not contain the reminders sent since its
backup, and would send all of them again.

The first scan that notices it (`detection`) holds the waiting deliveries that are not urgent, if there are more than a
few, for a day; meanwhile a user can mark them as sent, or send them now. Then they are sent: not losing a reminder
outweighs not sending it twice. Expired credentials, and those that expire within a week, are not held; no delivery is
held a second time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, DateTimeField, F, Min, Q, QuerySet, Value
from django.db.models.functions import Greatest

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.outbox import messages
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims, wakeup
from alertadmin.reminders.models import Scan
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from alertadmin.stored_values import shifted

log = logging.getLogger(__name__)

FEW = 20
"""Number of mails up to which duplicates are acceptable."""
HOLD_TIME = timedelta(hours=24)


@dataclass(frozen=True)
class RestoredState:
    copy_of: datetime
    """Start of the last scan in the backup."""
    noticed_at: datetime
    until: datetime
    """When the held deliveries are sent without a decision."""


@dataclass(frozen=True)
class HeldReminders:
    """The held deliveries of one recipient or channel (`label`): number of mails, of objects, and the first expiry;
    None if they only correct calendar entries."""

    recipient: str
    label: str
    mails: int
    things: int
    first_end: datetime | None


def begin(scan: Scan, copy_of: datetime, now: datetime) -> int:
    """Called by the scan that noticed the restore, when all reminders are written. Return how many are held."""
    scan.copy_of = copy_of
    scan.save(update_fields=["copy_of"])
    of_parts = awaiting_review(now).filter(review_until=now + HOLD_TIME)
    count = of_parts.count() + _not_urgent(now).count()
    log.warning("the database was restored from a copy of %s; %d mails may have been sent before", copy_of, count)
    if count > FEW:
        hold(now)
        return count
    of_parts.update(review_until=None, not_before=now, reason="")
    return 0


def hold(now: datetime) -> None:
    """Hold what a part of a scan wrote, so that nothing is sent before the total is known."""
    until = Value(now + HOLD_TIME, output_field=DateTimeField())
    _not_urgent(now).update(
        review_until=until, not_before=Greatest(F("not_before"), until), cause="", reason=messages.IN_REVIEW
    )


def _not_urgent(now: datetime) -> QuerySet[Delivery]:
    return (
        claims.open_deliveries()
        .filter(
            state=DeliveryState.PENDING,
            purpose__in=(Purpose.REMINDER, Purpose.CALENDAR),
            urgency__gt=now + timedelta(days=ESCALATE_TO_ALL_DAYS),
            review_until=None,
        )
        .order_by()
    )


def awaiting_review(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(claims.IsOpen(F("state")), claims.in_review(now)).order_by()


def by_recipient(now: datetime) -> QuerySet[Delivery, Any]:
    """Rows of HeldReminders, the nearest expiry first."""
    is_reminder = Q(purpose=Purpose.REMINDER)
    found = awaiting_review(now).values_list("recipient", "channel_label")
    return found.annotate(
        mails=Count("pk", distinct=True),
        things=Count("notices"),
        first_end=Min("urgency", filter=is_reminder),
        first=Min("urgency"),
    ).order_by("first", "recipient", "channel_label")


def last_restore() -> RestoredState | None:
    """The latest restore that was noticed, if any."""
    scan = Scan.objects.filter(copy_of__isnull=False).order_by("-pk").first()
    if scan is None or scan.copy_of is None:
        return None
    return RestoredState(scan.copy_of, scan.started_at, shifted(scan.started_at, HOLD_TIME))


@transaction.atomic
def send(found: QuerySet[Delivery], now: datetime, *, to: str = "") -> int:
    """Send the deliveries now, at a user's request. `to` names the recipient in the audit trail, if not all are
    sent."""
    sent = found.update(review_until=None, not_before=now, reason=messages.SEND_NOW)
    if sent:
        audit.record(AuditAction.REVIEW_SENT, count=sent, recipient=to, now=now)
        transaction.on_commit(wakeup.notify_worker)
    return sent


@transaction.atomic
def mark_notified(found: QuerySet[Delivery], by: str, now: datetime, *, to: str = "") -> int:
    """Cancel the deliveries, since a user says that they were sent before the restore. Their reminders are kept, and
    are not due again for that expiry and threshold."""
    count = found.update(
        state=DeliveryState.CANCELLED, settled_at=now, reason=messages.SENT_BEFORE_RESTORE % {"by": by}
    )
    if count:
        audit.record(AuditAction.REVIEW_TOLD, count=count, recipient=to, now=now)
    return count
