"""The calendar attached to a reminder mail, and the record of the entries in it.

The record is written before the mail is sent and counts only if it was: if the process is killed in between, the next
attempt writes it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Credential, Mailbox
from alertadmin.reminders.calendar import expiry_event, ical
from alertadmin.reminders.calendar.expiry_event import ExpiryEvent
from alertadmin.reminders.models import CalendarEntry, Reminder
from mailer.email_address import canonical
from mailer.message import Attachment

FILE = "alertadmin.ics"


def with_reminders(delivery: Delivery, reminders: Sequence[Reminder], now: datetime) -> tuple[Attachment, ...]:
    """One calendar of all future expiries; none if there are none. In the active language.

    Channels get no calendar.
    """
    if delivery.uses_channel:
        return ()
    ends = [end for end in _ends(reminders) if end.ends_at > now]
    record(delivery, ends)
    return (attachment(FILE, "PUBLISH", ical.publish_method(ends, now)),) if ends else ()


def attachment(name: str, method: str, content: bytes) -> Attachment:
    """Per RFC 6047, 2.4, the method is in the content type as well as in the content."""
    return Attachment(name, ical.CONTENT_TYPE, content, (("charset", "utf-8"), ("method", method)))


@transaction.atomic
def record(delivery: Delivery, ends: Iterable[ExpiryEvent]) -> None:
    """Record the entries of this delivery's calendar, and replace those of an earlier attempt.

    A delivery that may have arrived is repeated unchanged, and so is its record.
    """
    if delivery.was_uncertain and delivery.composed_at is not None:
        return
    CalendarEntry.objects.filter(delivery=delivery).delete()
    CalendarEntry.objects.bulk_create(
        CalendarEntry(
            delivery=delivery,
            recipient=canonical(delivery.recipient),
            kind=end.kind,
            thing=end.thing,
            tenant_id=end.tenant,
            app_id=end.app,
            app_name=end.app_name,
            what=end.what,
            ends_at=end.ends_at,
            sequence=end.moves,
        )
        for end in ends
    )


def _ends(reminders: Sequence[Reminder]) -> list[ExpiryEvent]:
    """The most urgent first, as in the mail."""
    credentials = Credential.objects.filter(pk__in={one.credential_id for one in reminders if one.credential_id})
    mailboxes = Mailbox.objects.filter(pk__in={one.mailbox_id for one in reminders if one.mailbox_id})
    found = [*expiry_event.of_credentials(credentials), *expiry_event.of_mailboxes(mailboxes)]
    return sorted(found, key=lambda end: (end.ends_at, end.thing))
