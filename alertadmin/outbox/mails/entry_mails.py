"""Mails about entries of the audit trail: account changes, disclosed secrets, changed routes.

The first few that one user causes to one recipient within a day are sent at once, one mail each. Further ones are
merged into one mail an hour: a thousand actions cannot flood an inbox, and none is omitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from alertadmin.audit import AuditEntry
from alertadmin.audit.throttle_counter import Limit
from alertadmin.outbox.models import Delivery, DeliveryEntry, DeliveryState, Purpose
from alertadmin.outbox.queue import wakeup
from alertadmin.stored_values import shifted

SEPARATE_MAILS = Limit("mails about entries", 10, timedelta(days=1))
"""For one recipient, of one purpose, caused by one user."""
ANY = Q()
MERGE_INTERVAL = timedelta(hours=1)
MAX_LINES = 100
"""Entries listed in one mail; the rest are counted, and in the audit trail."""


def send_time(entry: AuditEntry, purpose: Purpose, recipient: str) -> datetime:
    """When a mail about the entry may be sent. Counts one."""
    caused_by = entry.person_id or entry.named_details.get("actor") or entry.address
    over = SEPARATE_MAILS.acquire(f"{purpose}:{caused_by}:{recipient}", entry.at) is not None
    return shifted(entry.at, MERGE_INTERVAL) if over else entry.at


def collecting_mail(purpose: Purpose, recipient: str, now: datetime, among: Q = ANY) -> Delivery | None:
    """The mail that collects further entries, locked: no worker can claim it before the transaction ends."""
    waiting = Delivery.objects.select_for_update(of=("self",)).filter(
        among,
        purpose=purpose,
        recipient=recipient,
        state=DeliveryState.PENDING,
        was_uncertain=False,
        not_before__gt=now,
    )
    return waiting.order_by("not_before").first()


def write(purpose: Purpose, prefix: str, entry: AuditEntry, recipients: Iterable[tuple[str, str]]) -> None:
    """Write mails in the entry's transaction. `recipients`: for each mail a suffix of its key, and its address."""
    mails = []
    for suffix, address in recipients:
        at = send_time(entry, purpose, address)
        if at > entry.at and (waiting := collecting_mail(purpose, address, entry.at)) is not None:
            DeliveryEntry.objects.create(delivery=waiting, number=entry.number)
            continue
        mails.append(
            Delivery(
                purpose=purpose,
                dedupe_key=f"{prefix}{entry.number}:{suffix}",
                recipient=address,
                created_at=entry.at,
                not_before=at,
                urgency=entry.at,
            )
        )
    Delivery.objects.bulk_create(mails)
    wakeup.notify_worker()


def entries(delivery: Delivery, prefix: str) -> list[AuditEntry]:
    """The entries that the mail covers, oldest first."""
    first = delivery.dedupe_key.removeprefix(prefix).partition(":")[0]
    further = delivery.further_entries.values_list("number", flat=True)
    return list(AuditEntry.objects.filter(number__in=[int(first), *further]).order_by("number"))
