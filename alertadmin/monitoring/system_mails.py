"""Mails about alertadmin itself: each matter is sent to each recipient once, through the outbox.

Written repeatedly (every five minutes, and by each `send_reminders`), so that none is missed; a UNIQUE constraint keeps
them from being sent twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from alertadmin.monitoring.models import Monthly, SystemMail, SystemMailKind
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import wakeup
from alertadmin.reminders.models import Level, Scan
from alertadmin.reminders.recipients import of_all_tenants
from alertadmin.reminders.restore import review
from mailer.email_address import canonical

HOUR = 8
"""UTC."""
NEWS = timedelta(days=30)
"""Older failures were seen, or are reported again when the next reminder fails."""
CAN_WAIT = timedelta(days=60)
"""Everything that expires earlier is sent first."""


def write(now: datetime) -> int:
    """Write all mails that are due; return how many."""
    written = _monthly(now) + _unreachable(now) + _put_back(now)
    if written:
        wakeup.notify_worker()
    return written


def people() -> list[str]:
    """The installation's addresses, else its administrators'; canonical."""
    return of_all_tenants(Level.FIRST)


def months_first(now: datetime, day: int) -> datetime:
    """The latest time up to `now` at which a monthly mail was due. Pure."""
    due = now.astimezone(UTC).replace(day=day, hour=HOUR, minute=0, second=0, microsecond=0)
    return due if due <= now else _a_month_from(due, -1)


def next_monthly(now: datetime) -> datetime | None:
    """When the next monthly mail is due; None if it is off."""
    monthly = Monthly.now()
    return _a_month_from(months_first(now, monthly.day), 1) if monthly.is_on else None


def _a_month_from(moment: datetime, months: int) -> datetime:
    """Shift by months; the day is 28 at most."""
    ahead = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=ahead // 12, month=ahead % 12 + 1)


def _monthly(now: datetime) -> int:
    """Of several missed months only the last is sent, with present figures. None before the first scan."""
    monthly = Monthly.now()
    # A scan dated in the future, by a wrong clock, does not show when the installation began.
    first_scan = Scan.objects.filter(started_at__lte=now).order_by("pk").values_list("started_at", flat=True).first()
    due = months_first(now, monthly.day)
    if not monthly.is_on or first_scan is None or first_scan > due:
        return 0
    return _tell(SystemMailKind.MONTHLY, [f"{due:%Y-%m}"], monthly.emails or people(), now, urgency=now + CAN_WAIT)


def _unreachable(now: datetime) -> int:
    refused = Delivery.objects.filter(
        state=DeliveryState.FAILED,
        purpose=Purpose.REMINDER,
        cause="recipient_rejected",
        channel_label="",
        created_at__gt=now - NEWS,
    )
    addresses = sorted({canonical(address) for address in refused.order_by().values_list("recipient", flat=True)})
    others = [person for person in people() if person not in addresses]
    return _tell(SystemMailKind.UNREACHABLE, addresses, others, now, urgency=now) if addresses else 0


def _put_back(now: datetime) -> int:
    """While deliveries are held for review."""
    found = review.put_back()
    if found is None or not review.held(now).exists():
        return 0
    return _tell(SystemMailKind.PUT_BACK, [found.noticed_at.isoformat()], people(), now, urgency=now)


def _tell(kind: SystemMailKind, about: list[str], to: Iterable[str], now: datetime, *, urgency: datetime) -> int:
    return sum(tell_one(kind, about, person, now, urgency) for person in to)


def tell_one(
    kind: SystemMailKind,
    about: list[str],
    person: str,
    now: datetime,
    urgency: datetime,
    *,
    not_before: datetime | None = None,
) -> bool:
    """Write a mail about what this recipient was not notified of before. Return whether one was written."""
    told = set(SystemMail.objects.filter(kind=kind, recipient=person).values_list("about", flat=True))
    fresh = [one for one in about if one not in told]
    if not fresh:
        return False
    try:
        with transaction.atomic():
            delivery = Delivery.objects.create(
                purpose=Purpose.HOUSE,
                dedupe_key=f"letter:{uuid.uuid4()}",
                recipient=person,
                created_at=now,
                not_before=not_before or now,
                urgency=urgency,
            )
            SystemMail.objects.bulk_create(
                [SystemMail(kind=kind, about=one, recipient=person, delivery=delivery) for one in fresh]
            )
    except IntegrityError:
        return False  # another process writes it
    return True
