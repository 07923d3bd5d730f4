"""Review instead of a storm: a database that was put back from a copy does not know what was told since the copy was
made, and would tell all of it once more.

The first scan that notices it (`detection`) holds what waits by then and is in no hurry, if it is more than a few: for
a day, so that a person can say "they were told", or send it at once. Then it leaves by itself: never lost goes before
never twice. What has ended, or does within a week, waits for nobody; no delivery is held a second time.
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

log = logging.getLogger(__name__)

FEW = 20
"""Mails: so many may come twice before anybody calls it a storm."""
LONGEST = timedelta(hours=24)


@dataclass(frozen=True)
class RestoredState:
    copy_of: datetime
    """When the last scan was that the copy knows."""
    noticed_at: datetime
    until: datetime
    """Then what was held leaves by itself."""


@dataclass(frozen=True)
class HeldReminders:
    """What one recipient or channel (`label`) waits for: so many mails about so many things, the first of which ends
    then. None: they only correct entries of a calendar."""

    recipient: str
    label: str
    mails: int
    things: int
    first_end: datetime | None


def begin(scan: Scan, copy_of: datetime, now: datetime) -> int:
    """When all that is owed is written, by the scan that noticed it. Returns how many are held."""
    scan.copy_of = copy_of
    scan.save(update_fields=["copy_of"])
    of_parts = held(now).filter(review_until=now + LONGEST)
    count = of_parts.count() + _in_no_hurry(now).count()
    log.warning("the database was put back from a copy of %s; %d mails may have been told already", copy_of, count)
    if count > FEW:
        hold(now)
        return count
    of_parts.update(review_until=None, not_before=now, reason="")
    return 0


def hold(now: datetime) -> None:
    """With each part of a scan in parts, so that nothing leaves before it is known how many they are."""
    until = Value(now + LONGEST, output_field=DateTimeField())
    _in_no_hurry(now).update(
        review_until=until, not_before=Greatest(F("not_before"), until), cause="", reason=messages.IN_REVIEW
    )


def _in_no_hurry(now: datetime) -> QuerySet[Delivery]:
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


def held(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(claims.IsOpen(F("state")), claims.in_review(now)).order_by()


def by_recipient(now: datetime) -> QuerySet[Delivery, Any]:
    """Rows of Held, whose end is nearest first."""
    is_reminder = Q(purpose=Purpose.REMINDER)
    found = held(now).values_list("recipient", "channel_label")
    return found.annotate(
        mails=Count("pk", distinct=True),
        things=Count("notices"),
        first_end=Min("urgency", filter=is_reminder),
        first=Min("urgency"),
    ).order_by("first", "recipient", "channel_label")


def put_back() -> RestoredState | None:
    """The last time that it was noticed, if it ever was."""
    scan = Scan.objects.filter(copy_of__isnull=False).order_by("-pk").first()
    if scan is None or scan.copy_of is None:
        return None
    return RestoredState(scan.copy_of, scan.started_at, scan.started_at + LONGEST)


@transaction.atomic
def send(found: QuerySet[Delivery], now: datetime, *, to: str = "") -> int:
    """They leave at once: a person asks for it. `to` says for the record whose they are, if they are not all."""
    sent = found.update(review_until=None, not_before=now, reason=messages.HASTENED)
    if sent:
        audit.record(AuditAction.REVIEW_SENT, count=sent, recipient=to, now=now)
        transaction.on_commit(wakeup.notify_worker)
    return sent


@transaction.atomic
def mark_notified(found: QuerySet[Delivery], by: str, now: datetime, *, to: str = "") -> int:
    """A person says that they were told before the database was put back: their reminders stay as told, and are not
    owed again for that end and threshold."""
    told = found.update(state=DeliveryState.CANCELLED, settled_at=now, reason=messages.TOLD_BEFORE % {"by": by})
    if told:
        audit.record(AuditAction.REVIEW_TOLD, count=told, recipient=to, now=now)
    return told
