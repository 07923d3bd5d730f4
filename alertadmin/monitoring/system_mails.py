"""Mails about alertadmin itself: each thing is told to each person once, by the outbox like everything else.

Written down again and again (each five minutes, and with each round of `send_reminders`), so that none is missed; a
UNIQUE constraint keeps them from being told twice.
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
"""What failed longer ago was seen, or is told of anew by the next reminder that fails."""
CAN_WAIT = timedelta(days=60)
"""Whatever ends before goes first."""


def write(now: datetime) -> int:
    """Writes down all that is to be told by now; returns how many mails that makes."""
    written = _monthly(now) + _unreachable(now) + _put_back(now)
    if written:
        wakeup.notify_worker()
    return written


def people() -> list[str]:
    """The installation's own people, else its administrators; canonical e-mail addresses."""
    return of_all_tenants(Level.FIRST)


def months_first(now: datetime, day: int) -> datetime:
    """The latest moment up to now at which a monthly mail fell due. Pure."""
    due = now.astimezone(UTC).replace(day=day, hour=HOUR, minute=0, second=0, microsecond=0)
    return due if due <= now else _a_month_from(due, -1)


def next_monthly(now: datetime) -> datetime | None:
    """When the next monthly mail is written; None if it is off."""
    monthly = Monthly.now()
    return _a_month_from(months_first(now, monthly.day), 1) if monthly.is_on else None


def _a_month_from(moment: datetime, months: int) -> datetime:
    """No day here is later than the 28th."""
    ahead = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=ahead // 12, month=ahead % 12 + 1)


def _monthly(now: datetime) -> int:
    """Of several missed months the last is told: what it says is of today. None for a time before the first scan."""
    monthly = Monthly.now()
    # One that a wrong clock dated in the future says nothing of when it began.
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
    """While something waits to be reviewed."""
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
    """Whether a mail was written: of what the person was not told before."""
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
        return False  # another process tells it
    return True
