"""The content of a reminder mail: all due reminders of one recipient or channel, the most urgent first.

Composed when it is sent, so that credentials renewed, deleted, superseded or snoozed meanwhile are omitted. The
language is the one in the recipient's account, else that of the tenant whose credential expires first; for a channel of
the installation, the installation's.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import css_inline
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.outbox import messages as outbox_messages
from alertadmin.outbox.mails.composers import Content, Deferred, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.outbox.queue.failpoints import failpoint
from alertadmin.registry.models import ConsentStatus, CredentialState
from alertadmin.registry.permissions import TransportName
from alertadmin.reminders import channel_recipients, messages, recipients
from alertadmin.reminders.calendar import expiry_event, ical
from alertadmin.reminders.compose.reminder_lines import ComposedLine, brief, detail, for_mail, lines, time_left
from alertadmin.reminders.models import Reminder, ReminderKind, ReminderLine
from alertadmin.reminders.scan import batching, clock_skew
from alertadmin.reminders.snoozes import active_snoozes
from mailer.message import Attachment

MAX_LINES = 100
"""Lines in one mail; the rest is counted, and listed on the linked page."""
MAX_SUBJECT = 160

__all__ = ["compose", "time_left"]


def compose(delivery: Delivery, now: datetime) -> Content | Deferred | Obsolete:
    """Compose the mail: the most urgent reminders are listed, the others counted.

    A mail delayed into quiet hours or a day off, by a server or by us, waits until they are over, unless a user asked
    to send it now.
    """
    channel = None
    if delivery.uses_channel:
        channel = Channel.objects.filter(deliveries=delivery).first()
        if channel is None or channel.is_paused:
            drop_obsolete(delivery)
            return Obsolete(outbox_messages.CHANNEL_PAUSED if channel else outbox_messages.CHANNEL_DELETED)
    due = still_due(delivery, now, channel)
    most_urgent = list(due[:MAX_LINES])
    if not most_urgent:
        return Obsolete(messages.NOTHING_LEFT)
    if delivery.reason != outbox_messages.SEND_NOW and (at := batching.earliest_send_at(due, now)) > now:
        return Deferred(at, messages.QUIET_HOURS)
    language = _language(delivery, channel, most_urgent[0])
    with translation.override(language):
        attachments = _calendar(delivery, most_urgent, now)
        words = _render(most_urgent, _counts(due, most_urgent, now), now, language, bool(attachments))
        return replace(words, attachments=attachments)


def _calendar(delivery: Delivery, reminders: list[Reminder], now: datetime) -> tuple[Attachment, ...]:
    """One calendar of all future expiries, in the active language; none if there are none, or for a channel."""
    if delivery.uses_channel:
        return ()
    ends = [end for end in expiry_event.of_reminders(reminders) if end.ends_at > now]
    expiry_event.record_entries(delivery, ends)
    return (ical.attachment(ical.FILE, "PUBLISH", ical.publish_method(ends, now)),) if ends else ()


def still_due(delivery: Delivery, now: datetime, channel: Channel | None = None) -> QuerySet[Reminder]:
    """The delivery's reminders that still apply: true, not superseded by a nearer one, not snoozed, still addressed to
    this recipient. Lines of all others are deleted. The most urgent comes first.
    """
    to_the_same = Q(delivery__channel=channel) if channel else Q(delivery__recipient=delivery.recipient)
    nearer = ReminderLine.objects.filter(
        Q(reminder__credential=OuterRef("reminder__credential")) | Q(reminder__mailbox=OuterRef("reminder__mailbox")),
        to_the_same,
        delivery__channel_label=delivery.channel_label,
        reminder__expires_at=OuterRef("reminder__expires_at"),
        reminder__threshold__lt=OuterRef("reminder__threshold"),
    ).exclude(clock_skew.clock_skewed(now, "reminder__scan"))
    due_lines = (
        ReminderLine.objects.filter(_is_true(), delivery=delivery)
        .filter(
            ~Exists(nearer),
            channel_recipients.concerns(channel) if channel else recipients.concerns(delivery.recipient),
        )
        .filter(~Exists(active_snoozes(now, "reminder__credential", "reminder__expires_at")))
    )
    drop_obsolete(delivery, due_lines)
    return (
        Reminder.objects.filter(notices__delivery=delivery)
        .select_related("tenant", "app", "credential__app", "mailbox__app", "consent_change__app")
        .defer("credential__value", "credential__certificate", "mailbox__password", "mailbox__refresh_token")
        .order_by("expires_at", "pk")
    )


def drop_obsolete(delivery: Delivery, due_lines: QuerySet[ReminderLine] | None = None) -> None:
    """Delete the delivery's lines, except `due_lines`. A reminder without any line was never sent: it is deleted, and
    the next scan creates it again for its recipients at that time."""
    written = ReminderLine.objects.filter(delivery=delivery).values_list("reminder_id", flat=True)
    obsolete = set(written) - set(due_lines.values_list("reminder_id", flat=True) if due_lines is not None else ())
    if not obsolete:
        return
    # In one transaction and one worker at a time: otherwise a reminder without lines could remain and never be sent.
    with transaction.atomic():
        list(Reminder.objects.select_for_update().filter(pk__in=obsolete).order_by("pk").values_list("pk"))
        ReminderLine.objects.filter(delivery=delivery, reminder__in=obsolete).delete()
        failpoint("taken-back")
        Reminder.objects.filter(pk__in=obsolete, notices=None).delete()


def _is_true() -> Q:
    credential = Q(reminder__kind=ReminderKind.CREDENTIAL, reminder__expires_at=F("reminder__credential__expires_at"))
    credential &= ~Q(reminder__credential__state=CredentialState.RETIRED)
    ews = Q(
        reminder__kind=ReminderKind.EWS, reminder__mailbox__transport=TransportName.EWS, reminder__mailbox__server=""
    )
    consent = Q(
        reminder__kind=ReminderKind.CONSENT, reminder__consent_change__consent__status=ConsentStatus.NOT_IN_TOKEN
    )
    sign_in = Q(reminder__kind=ReminderKind.SIGN_IN, reminder__expires_at=F("reminder__mailbox__sign_in_ends_at"))
    return credential | ews | consent | sign_in


def _language(delivery: Delivery, channel: Channel | None, most_urgent: Reminder) -> str:
    if channel is not None:
        return channel.mail_language
    return language_of(delivery.recipient, most_urgent.tenant)


def _counts(due: QuerySet[Reminder], most_urgent: list[Reminder], now: datetime) -> dict[str, int]:
    """Number of all reminders and of the expired ones; counted by the database if more are due than were read."""
    if len(most_urgent) < MAX_LINES:
        return {"all": len(most_urgent), "expired": sum(reminder.expires_at <= now for reminder in most_urgent)}
    return due.order_by().aggregate(all=Count("pk"), expired=Count("pk", filter=Q(expires_at__lte=now)))


def _render(
    most_urgent: list[Reminder], counted: dict[str, int], now: datetime, language: str, has_calendar: bool
) -> Content:
    """The mail in the active language, with its brief form."""
    found = lines(most_urgent, now)
    mailed = [for_mail(reminder, one) for reminder, one in zip(most_urgent, found, strict=True)]
    subject = _subject(mailed[0], counted["all"])
    context: dict[str, Any] = {
        "subject": subject,
        "lines": mailed,
        "more": counted["all"] - len(mailed),
        "expired": counted["expired"],
        "has_calendar": has_calendar,
        "all_url": settings.PUBLIC_URL + reverse("credentials"),
    }
    html = render_to_string("reminders/digest.html", context)
    return Content(
        subject,
        render_to_string("reminders/digest.txt", context),
        css_inline.inline(html, load_remote_stylesheets=False),
        brief=brief(mailed, counted["all"], counted["expired"], context["all_url"]),
        details=[detail(reminder, one) for reminder, one in zip(most_urgent, found, strict=True)],
        language=language,
    )


def _subject(first: ComposedLine, count: int) -> str:
    """The most urgent reminder by name, and the number of further ones."""
    subject = _("%(app)s of %(tenant)s: %(what)s %(left)s") % {
        "app": first.app,
        "tenant": first.tenant,
        "what": first.named,
        "left": first.left,
    }
    subject = " ".join(subject.split())
    if len(subject) > MAX_SUBJECT:
        subject = subject[: MAX_SUBJECT - 1] + "…"
    if more := count - 1:
        subject += ngettext(" (and %(more)d more)", " (and %(more)d more)", more) % {"more": more}
    return subject
