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
from alertadmin.reminders.recipients import installation_addresses
from alertadmin.reminders.restore import review
from mailer.email_address import canonical

HOUR = 8
"""UTC."""
REPORT_WITHIN = timedelta(days=30)
"""Older failures were seen, or are reported again when the next reminder fails."""
URGENCY_OFFSET = timedelta(days=60)
"""Everything that expires earlier is sent first."""


def write(now: datetime) -> int:
    """Write all mails that are due; return how many."""
    written = _monthly(now) + _unreachable(now) + _database_restored(now)
    if written:
        wakeup.notify_worker()
    return written


def installation_recipients() -> list[str]:
    """The installation's addresses, else its administrators'; canonical."""
    return installation_addresses(Level.FIRST)


def months_first(now: datetime, day: int) -> datetime:
    """The latest time up to `now` at which a monthly mail was due. Pure."""
    due = now.astimezone(UTC).replace(day=day, hour=HOUR, minute=0, second=0, microsecond=0)
    return due if due <= now else _a_month_from(due, -1)


def next_monthly(now: datetime) -> datetime | None:
    """When the next monthly mail is due; None if it is off."""
    monthly = Monthly.now()
    return _a_month_from(months_first(now, monthly.day_of_month), 1) if monthly.is_on else None


def _a_month_from(moment: datetime, months: int) -> datetime:
    """Shift by months; the day is 28 at most."""
    ahead = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=ahead // 12, month=ahead % 12 + 1)


def _monthly(now: datetime) -> int:
    """Of several missed months only the last is sent, with present figures. None before the first scan."""
    monthly = Monthly.now()
    # A scan dated in the future, by a wrong clock, does not show when the installation began.
    first_scan = Scan.objects.filter(started_at__lte=now).order_by("pk").values_list("started_at", flat=True).first()
    due = months_first(now, monthly.day_of_month)
    if not monthly.is_on or first_scan is None or first_scan > due:
        return 0
    return _write_each(
        SystemMailKind.MONTHLY,
        [f"{due:%Y-%m}"],
        monthly.emails or installation_recipients(),
        now,
        urgency=now + URGENCY_OFFSET,
    )


def _unreachable(now: datetime) -> int:
    refused = Delivery.objects.filter(
        state=DeliveryState.FAILED,
        purpose=Purpose.REMINDER,
        cause="recipient_rejected",
        channel_label="",
        created_at__gt=now - REPORT_WITHIN,
    )
    addresses = sorted({canonical(address) for address in refused.order_by().values_list("recipient", flat=True)})
    others = [person for person in installation_recipients() if person not in addresses]
    return _write_each(SystemMailKind.UNREACHABLE, addresses, others, now, urgency=now) if addresses else 0


def _database_restored(now: datetime) -> int:
    """While deliveries are held for review."""
    found = review.last_restore()
    if found is None or not review.awaiting_review(now).exists():
        return 0
    return _write_each(
        SystemMailKind.PUT_BACK, [found.noticed_at.isoformat()], installation_recipients(), now, urgency=now
    )


def _write_each(kind: SystemMailKind, about: list[str], to: Iterable[str], now: datetime, *, urgency: datetime) -> int:
    return sum(write_one(kind, about, person, now, urgency) for person in to)


def write_one(
    kind: SystemMailKind,
    about: list[str],
    person: str,
    now: datetime,
    urgency: datetime,
    *,
    not_before: datetime | None = None,
) -> bool:
    """Write a mail about what this recipient was not notified of before. Return whether one was written."""
    reported = set(SystemMail.objects.filter(kind=kind, recipient=person).values_list("about", flat=True))
    fresh = [one for one in about if one not in reported]
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
