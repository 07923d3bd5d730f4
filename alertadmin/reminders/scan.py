"""The scan: finds what is owed and writes it down, all in one transaction.

It may run twice, at once, or after a month of silence: a reminder is owed once for each credential, end and threshold,
and of several missed thresholds only the nearest is told. Its queries do not grow in number with what it finds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Exists, IntegerField, Min, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Concat, Lower

from alertadmin.outbox import doorbell
from alertadmin.outbox.crashpoints import crashpoint
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Contact, Credential, CredentialState
from alertadmin.reminders import rules
from alertadmin.reminders.audience import administrators
from alertadmin.reminders.bulk import insert_from
from alertadmin.reminders.models import Notice, Reminder, Scan

STALE_AFTER = timedelta(hours=26)
"""Beat scans every hour; a day without a scan, and a margin, is a fault that must be seen."""
CONTACT = "credential__app__tenant__contacts__email"


def run(now: datetime) -> Scan:
    """Writes down all that is owed at `now` and who is told of it. Sends nothing: it rings for who does."""
    with transaction.atomic():
        scan = Scan.objects.create(started_at=now)
        scan.reminders = _write_reminders(scan, now)
        if scan.reminders:
            scan.deliveries = _write_deliveries(scan, now)
            doorbell.ring()
        crashpoint("scan-written")
        scan.finished_at = now
        scan.save(update_fields=["finished_at", "reminders", "deliveries"])
    crashpoint("scan-committed")
    return scan


def last_finished() -> Scan | None:
    return Scan.objects.exclude(finished_at=None).order_by("-finished_at").first()


def is_stale(now: datetime) -> bool:
    """Whether nobody has looked for too long: reminders may be late."""
    last = last_finished()
    return last is None or last.finished_at is None or last.finished_at < now - STALE_AFTER


def owed(now: datetime) -> QuerySet[Credential]:
    """Credentials that somebody must be told of and nobody was, each with the threshold as `owed`."""
    watched = Credential.objects.filter(state__in=[CredentialState.CURRENT, CredentialState.NEXT])
    marks = rules.marks(now, watched.aggregate(oldest=Min("expires_at"))["oldest"])
    reached = Case(
        *(When(expires_at__lte=mark.cutoff, then=Value(mark.threshold)) for mark in marks),
        output_field=IntegerField(),
    )
    told = Reminder.objects.filter(
        credential=OuterRef("pk"), expires_at=OuterRef("expires_at"), threshold__lte=OuterRef("owed")
    )
    return watched.filter(expires_at__lte=marks[-1].cutoff).annotate(owed=reached).filter(~Exists(told))


def owed_to_nobody(now: datetime) -> QuerySet[Credential]:
    """Those owed whose tenant has no contact, while there is no administrator either. Told as soon as there is one."""
    return owed(now).none() if administrators() else owed(now).filter(~_has_contacts())


def _write_reminders(scan: Scan, now: datetime) -> int:
    found = owed(now)
    if not administrators():
        # Left owed: whoever is entered later is told then.
        found = found.filter(_has_contacts())
    rows = found.annotate(in_scan=Value(scan.pk)).values_list("pk", "expires_at", "owed", "in_scan")
    return insert_from(Reminder, ("credential_id", "expires_at", "threshold", "scan_id"), rows)


def _has_contacts() -> Exists:
    return Exists(Contact.objects.filter(tenant=OuterRef("app__tenant")))


def _write_deliveries(scan: Scan, now: datetime) -> int:
    """One delivery for each recipient: the tenant's contacts, or the administrators where it has none."""
    prefix = f"reminder:{scan.pk}:"
    found = Reminder.objects.filter(scan=scan)
    urgency: dict[str, datetime] = {}
    for address, earliest in found.values_list(Lower(CONTACT)).annotate(Min("expires_at")):
        for recipient in administrators() if address is None else [address]:
            urgency[recipient] = min(earliest, urgency.get(recipient, earliest))
    deliveries = Delivery.objects.bulk_create(
        [
            Delivery(
                purpose=Purpose.REMINDER,
                dedupe_key=prefix + recipient,
                recipient=recipient,
                urgency=earliest,
                created_at=now,
                not_before=now,
            )
            for recipient, earliest in urgency.items()
        ],
        batch_size=1000,
    )
    to_contacts = found.filter(**{f"{CONTACT}__isnull": False}).annotate(key=Concat(Value(prefix), Lower(CONTACT)))
    delivery = Delivery.objects.filter(dedupe_key=OuterRef("key")).values("pk")[:1]
    insert_from(Notice, ("reminder_id", "delivery_id"), to_contacts.values_list("pk", Subquery(delivery)))
    for administrator in set(administrators()) & set(urgency):
        delivery = Delivery.objects.filter(dedupe_key=prefix + administrator).values("pk")[:1]
        to_administrators = found.filter(**{f"{CONTACT}__isnull": True}).values_list("pk", Subquery(delivery))
        insert_from(Notice, ("reminder_id", "delivery_id"), to_administrators)
    return len(deliveries)
