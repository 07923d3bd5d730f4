"""The scan: finds what is owed and writes it down, all in one transaction.

It may run twice, at once, or after a month of silence: a reminder is owed once for each credential, end and threshold,
and of several missed thresholds only the nearest is told. Its queries do not grow in number with what it finds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat, Lower

from alertadmin.outbox import doorbell
from alertadmin.outbox.crashpoints import crashpoint
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Contact, Credential, CredentialState
from alertadmin.registry.steps import Steps
from alertadmin.reminders import rules
from alertadmin.reminders.audience import administrators, staff
from alertadmin.reminders.bulk import RandomUUID, insert_from
from alertadmin.reminders.models import Notice, Reminder, Scan

STALE_AFTER = timedelta(hours=26)
"""Beat scans every hour; a day without a scan, and a margin, is a fault that must be seen."""
CONTACT = "credential__app__tenant__contacts__email"


def run(now: datetime, *, ring: bool = True) -> Scan:
    """Writes down all that is owed at `now` and who is told of it. Sends nothing: it rings for who does."""
    with transaction.atomic():
        # Finished from the first: nobody sees it before the commit, and a scan that fails leaves nothing.
        scan = Scan.objects.create(started_at=now, finished_at=now)
        scan.reminders = _write_reminders(scan, now)
        if scan.reminders:
            scan.deliveries = _write_deliveries(scan, now)
            scan.save(update_fields=["reminders", "deliveries"])
            if ring:
                doorbell.ring()
        crashpoint("scan-written")
    crashpoint("scan-committed")
    return scan


def last_finished() -> Scan | None:
    """The one written last, whatever the clock said then."""
    return Scan.objects.exclude(finished_at=None).order_by("-pk").first()


def is_stale(now: datetime) -> bool:
    """Whether nobody has looked for too long: reminders may be late."""
    return is_old(last_finished(), now)


def is_old(last: Scan | None, now: datetime) -> bool:
    """Whether the last scan proves nothing of today: there was none, it was long ago, or its clock ran days ahead."""
    return last is None or last.finished_at is None or not -STALE_AFTER <= last.finished_at - now <= STALE_AFTER


def owed(now: datetime) -> QuerySet[Credential]:
    """Credentials that somebody must be told of and nobody was, each with the threshold as `owed`."""
    watched = Credential.objects.filter(state__in=[CredentialState.CURRENT, CredentialState.NEXT])
    marks = rules.marks(now, watched.aggregate(oldest=Min("expires_at"))["oldest"])
    told = Reminder.objects.filter(
        credential=OuterRef("pk"), expires_at=OuterRef("expires_at"), threshold__lte=OuterRef("owed")
    )
    return (
        watched.filter(expires_at__lte=marks[-1].cutoff)
        .annotate(owed=Steps("expires_at", [(mark.cutoff, mark.threshold) for mark in marks]))
        .filter(~Exists(told))
    )


def owed_to_nobody(now: datetime) -> QuerySet[Credential]:
    """Those owed whose tenant has no contact, while there is no administrator either. Told as soon as there is one."""
    return owed(now).none() if staff().exists() else owed(now).filter(~_has_contacts())


def _write_reminders(scan: Scan, now: datetime) -> int:
    # With nobody to tell it is left owed: whoever is entered later is told then.
    found = owed(now).filter(Exists(staff()) | _has_contacts())
    rows = found.values_list("pk", "expires_at", "owed")  # type: ignore[misc]  # annotated by owed()
    return insert_from(Reminder(scan=scan), ("credential_id", "expires_at", "threshold"), rows)


def _has_contacts() -> Exists:
    return Exists(Contact.objects.filter(tenant=OuterRef("app__tenant")))


def _write_deliveries(scan: Scan, now: datetime) -> int:
    """One delivery for each recipient: the tenant's contacts, or the administrators where it has none."""
    found = Reminder.objects.filter(scan=scan)
    key = Concat(Value(_key(scan, "")), Lower(CONTACT), output_field=CharField())
    to_contacts = found.filter(**{f"{CONTACT}__isnull": False}).annotate(address=Lower(CONTACT), key=key)
    recipients = to_contacts.values_list("address", "key").annotate(earliest=Min("expires_at"), made=RandomUUID())
    like = Delivery(purpose=Purpose.REMINDER, created_at=now, not_before=now)
    written = insert_from(like, ("recipient", "dedupe_key", "urgency", "id"), recipients)
    delivery = Delivery.objects.filter(dedupe_key=OuterRef("key")).values("pk")[:1]
    insert_from(Notice(), ("reminder_id", "delivery_id"), to_contacts.values_list("pk", Subquery(delivery)))
    if found.filter(notices=None).exists():
        written += _write_to_administrators(scan, now)
    return written


def _write_to_administrators(scan: Scan, now: datetime) -> int:
    to_nobody = Reminder.objects.filter(scan=scan, **{f"{CONTACT}__isnull": True})
    earliest = to_nobody.aggregate(earliest=Min("expires_at"))["earliest"]
    written = 0
    for recipient in administrators():
        delivery, is_new = Delivery.objects.get_or_create(
            dedupe_key=_key(scan, recipient),
            defaults={
                "purpose": Purpose.REMINDER,
                "recipient": recipient,
                "urgency": earliest,
                "created_at": now,
                "not_before": now,
            },
        )
        if earliest < delivery.urgency:  # a contact elsewhere too
            Delivery.objects.filter(pk=delivery.pk).update(urgency=earliest)
        insert_from(Notice(delivery=delivery), ("reminder_id",), to_nobody.values_list("pk"))
        written += is_new
    return written


def _key(scan: Scan, recipient: str) -> str:
    return f"reminder:{scan.pk}:{recipient}"
