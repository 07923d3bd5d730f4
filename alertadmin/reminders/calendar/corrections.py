"""Corrections of calendar entries that we sent and that no longer apply: withdrawn or moved. Each is sent once.

A scan assigns them to one mail per recipient, which is composed when it is sent. The assignment is kept whether or not
that mail is sent, so that none is sent twice; it is committed together with the mail, so that none is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import itemgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import css_inline
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import Credential, CredentialState, Mailbox
from alertadmin.registry.models.mailbox import by_exchange_online_ews
from alertadmin.registry.safe_names import clean, quoted
from alertadmin.reminders import messages, policies
from alertadmin.reminders import recipients as reminders_recipients
from alertadmin.reminders.calendar import expiry_event, ical
from alertadmin.reminders.calendar.expiry_event import ExpiryEvent
from alertadmin.reminders.models import CalendarEntry, Reminder, ReminderKind, Scan
from alertadmin.reminders.rules import delivery_window
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from mailer.message import Attachment

MAX_PER_MAIL = 100
"""Corrections in one mail; the next scan sends the rest."""
NOT_URGENT = timedelta(days=3650)
CHUNK = 500
RECIPIENTS_PER_PART = 200
"""Recipients per transaction."""


def parts() -> list[list[int]]:
    """Ids of entries to correct, one list per transaction. All of a recipient's are in one list."""
    found = _outdated().order_by("recipient", "pk").values_list("recipient", "pk")
    of_each = [[key for _, key in rows] for _, rows in groupby(found, key=itemgetter(0))]
    return [
        list(chain(*of_each[start : start + RECIPIENTS_PER_PART]))
        for start in range(0, len(of_each), RECIPIENTS_PER_PART)
    ]


def write(scan: Scan, part: list[int], now: datetime) -> int:
    """Write the mails for those that still need correction; return how many."""
    found: list[CalendarEntry] = []
    to_installation: set[UUID] = set()
    for start in range(0, len(part), CHUNK):
        some = _outdated().filter(pk__in=part[start : start + CHUNK])
        found += some.select_for_update(of=("self",)).order_by("pk")
        installation_mails = Delivery.objects.filter(
            calendar_entries__in=part[start : start + CHUNK], to_installation=True
        )
        to_installation.update(installation_mails.values_list("pk", flat=True))
    recipients = {entry.recipient for entry in found if entry.delivery_id in to_installation}
    timings = policies.timings({(entry.tenant_id, entry.app_id) for entry in found})
    far = now + NOT_URGENT
    groups: dict[tuple[str, datetime], list[int]] = {}
    for entry in found:
        # Like a reminder that is not urgent: it respects quiet hours and waits for the digest.
        at = delivery_window.send_at(timings[entry.tenant_id, entry.app_id], now, ESCALATE_TO_ALL_DAYS + 1, far, far)
        groups.setdefault((entry.recipient, at), []).append(entry.pk)
    for (recipient, at), keys in groups.items():
        delivery = Delivery.objects.create(
            purpose=Purpose.CALENDAR,
            dedupe_key=f"calendar:{scan.pk}:{int(at.timestamp())}:{recipient}",
            recipient=recipient,
            to_installation=recipient in recipients,
            urgency=far,
            created_at=now,
            not_before=at,
        )
        for start in range(0, len(keys), CHUNK):
            CalendarEntry.objects.filter(pk__in=keys[start : start + CHUNK]).update(corrected_by=delivery)
    return len(groups)


def _outdated() -> QuerySet[CalendarEntry]:
    """Entries that were sent, or may have been, of objects that are gone or have another expiry.

    If the new expiry has a reminder by then, that reminder's mail corrects the entry.
    """
    over = [DeliveryState.UNCERTAIN, DeliveryState.FAILED, DeliveryState.CANCELLED]
    arrived = Q(delivery__state=DeliveryState.SENT)
    arrived |= Q(delivery__was_uncertain=True, delivery__state__in=over, delivery__settled_at__isnull=False)
    living = Credential.objects.watched().filter(pk=OuterRef("thing"))
    by_ews = Mailbox.objects.filter(by_exchange_online_ews(), pk=OuterRef("thing"))
    reminded_anew = Reminder.objects.filter(credential=OuterRef("pk"), expires_at=OuterRef("expires_at"))
    moved = living.exclude(expires_at=OuterRef("ends_at")).exclude(Exists(reminded_anew))
    outdated = (
        Q(Exists(moved))
        | (Q(kind=ReminderKind.CREDENTIAL) & ~Exists(living))
        | (Q(kind=ReminderKind.EWS) & ~Exists(by_ews))
    )
    return CalendarEntry.objects.filter(arrived, outdated, corrected_by=None)


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    bound = CalendarEntry.objects.filter(corrected_by=delivery)
    mine = bound.filter(reminders_recipients.is_concerned(delivery.recipient)).select_related("tenant")
    # If several mails contain the same entry, the last one counts.
    entries = {entry.thing: entry for entry in mine.order_by("sequence", "pk")}
    ends = {end.thing: end for end in _current_events(entries)}
    outdated = [entry for key, entry in entries.items() if key not in ends or ends[key].ends_at != entry.ends_at]
    outdated = sorted(outdated, key=lambda entry: (entry.ends_at, entry.pk))[:MAX_PER_MAIL]
    corrected = {entry.thing for entry in outdated}
    if not (delivery.was_uncertain and delivery.composed_at is not None):
        mine.filter(thing__in=entries.keys() - corrected).update(corrected_by=None)
    if not outdated:
        return Obsolete(messages.NOTHING_TO_CORRECT)
    language = language_of(delivery.recipient, outdated[0].tenant)
    with translation.override(language):
        moved = [ends[key] for key in ends.keys() & corrected]
        expiry_event.record_entries(delivery, moved)
        return replace(_render(outdated, ends, _attachments(outdated, moved, now)), language=language)


def _current_events(things: Iterable[UUID]) -> list[ExpiryEvent]:
    things = list(things)
    credentials = Credential.objects.watched().filter(pk__in=things)
    return [
        *expiry_event.of_credentials(credentials),
        *expiry_event.of_mailboxes(Mailbox.objects.filter(pk__in=things)),
    ]


def _attachments(outdated: list[CalendarEntry], moved: list[ExpiryEvent], now: datetime) -> tuple[Attachment, ...]:
    """One calendar of all moved entries; a file for each withdrawn one, since a CANCEL is for one entry only."""
    again = {end.thing for end in moved}
    withdrawn = [entry for entry in outdated if entry.thing not in again]
    found = []
    if moved:
        found.append(ical.attachment(ical.FILE, "PUBLISH", ical.publish_method(moved, now)))
    for number, entry in enumerate(withdrawn, 1):
        name = "withdrawn.ics" if len(withdrawn) == 1 else f"withdrawn-{number}.ics"
        start = expiry_event.day_of(entry.ends_at, _zone_of(entry)) or entry.ends_at
        content = ical.cancelled(str(entry.thing), start, entry.sequence + 1, _title(entry), now)
        found.append(ical.attachment(name, "CANCEL", content))
    return tuple(found)


def _zone_of(entry: CalendarEntry) -> ZoneInfo:
    """The end of EWS is a day in UTC."""
    return ZoneInfo("UTC") if entry.kind == ReminderKind.EWS else entry.tenant.zone


def _title(entry: CalendarEntry) -> str:
    names = {
        "what": _description(entry) or _("a secret"),
        "app": quoted(entry.app_name),
        "tenant": quoted(entry.tenant.name),
    }
    return _("Withdrawn: %(what)s of %(app)s (%(tenant)s)") % names


def _description(entry: CalendarEntry) -> str:
    """For a mailbox, its address."""
    return quoted(entry.what) if entry.what and entry.kind == ReminderKind.CREDENTIAL else entry.what


def _render(
    outdated: list[CalendarEntry], ends: Mapping[UUID, ExpiryEvent], attachments: tuple[Attachment, ...]
) -> Content:
    why = _reasons([entry for entry in outdated if entry.thing not in ends])
    lines = [
        {
            "tenant": quoted(entry.tenant.name),
            "app": quoted(entry.app_name),
            "what": _description(entry),
            "why": why.get(entry.thing) or _("Its expiry date has changed; the attached entry moves the old one."),
        }
        for entry in outdated
    ]
    if len(lines) == 1:
        subject = _("%(app)s of %(tenant)s: no action needed, a calendar entry changes") % lines[0]
    else:
        subject = _("No action needed: %(count)d calendar entries change") % {"count": len(lines)}
    subject = " ".join(subject.split())[:200]
    context: dict[str, Any] = {"subject": subject, "lines": lines}
    html = css_inline.inline(render_to_string("reminders/corrections.html", context), load_remote_stylesheets=False)
    return Content(subject, render_to_string("reminders/corrections.txt", context), html, attachments=attachments)


def _reasons(withdrawn: list[CalendarEntry]) -> dict[UUID, str]:
    """The reason for each withdrawal, as far as the database still shows it."""
    keys = [entry.thing for entry in withdrawn]
    retired = dict(Credential.objects.filter(pk__in=keys).values_list("pk", "app_id"))
    current = Credential.objects.filter(app__in=retired.values(), state=CredentialState.CURRENT)
    names = {one.app_id: str(one) for one in current.defer("value", "certificate")}
    existing_mailboxes = set(Mailbox.objects.filter(pk__in=keys).values_list("pk", flat=True))
    found = {}
    for entry in withdrawn:
        if entry.thing in existing_mailboxes:
            found[entry.thing] = _("It no longer sends by EWS.")
        elif (app := retired.get(entry.thing)) is None:
            found[entry.thing] = _("It was deleted here.")
        elif app in names:
            found[entry.thing] = _("It was replaced by “%(name)s”.") % {"name": clean(names[app])}
        else:
            found[entry.thing] = _("It was superseded.")
    return found
