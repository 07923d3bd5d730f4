"""A test send: one message through the same outbox, by one mailbox or channel, tried once; its steps are stored as they
happen."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Model
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction, Result
from alertadmin.outbox import mail_limits, messages
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of
from alertadmin.outbox.models import Channel, Delivery, Purpose
from alertadmin.outbox.queue import wakeup
from alertadmin.outbox.send_test import test_limits
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import transport_label
from alertadmin.registry.safe_names import clean

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""Urgency of a test: a user is waiting, so it precedes every reminder."""


@transaction.atomic
def create(mailbox: Mailbox, recipient: str, *, transport: str = "", sends_as: str = "", now: datetime) -> Delivery:
    """`sends_as` is another address that the mailbox's app should not be able to send as."""
    key = uuid.uuid4()
    delivery = Delivery.objects.create(
        id=key,
        purpose=Purpose.TEST,
        dedupe_key=f"test:{key}",
        recipient=recipient,
        mailbox=mailbox,
        transport="" if transport == mailbox.transport else transport,
        sends_as=sends_as,
        created_at=now,
        not_before=now,
        urgency=FIRST,
    )
    act = AuditAction.MAILBOX_SCOPE_TRIED if sends_as else AuditAction.MAILBOX_TEST_SENT
    used_transport = transport or mailbox.transport
    audit.record(act, mailbox, recipient=recipient, sends_as=sends_as, transport=used_transport, entry=key, now=now)
    return delivery


@transaction.atomic
def create_for_channel(channel: Channel, *, now: datetime) -> Delivery:
    key = uuid.uuid4()
    delivery = Delivery.objects.create(
        id=key,
        purpose=Purpose.TEST,
        dedupe_key=f"test:{key}",
        recipient=channel.name,
        channel=channel,
        channel_label=channel.label,
        created_at=now,
        not_before=now,
        urgency=FIRST,
    )
    audit.record(AuditAction.CHANNEL_TESTED, channel, entry=key, now=now)
    return delivery


def start_for_channel(channel: Channel, *, by: User | AnonymousUser, now: datetime) -> Delivery:
    """Raises TooManyMails."""
    tenant = channel.app.tenant_id if channel.app else channel.tenant_id
    with _refusals_on_record(AuditAction.CHANNEL_TESTED, channel):
        test_limits.count_test(by, tenant, channel.hint, now)
        mail_limits.count_for_channel(_person(by), tenant, channel.pk, channel.hint, now)
    delivery = create_for_channel(channel, now=now)
    wakeup.notify_worker()
    return delivery


def start(
    mailbox: Mailbox,
    recipient: str,
    *,
    transport: str | None = None,
    sends_as: str = "",
    by: User | AnonymousUser,
    now: datetime,
) -> Delivery:
    """Write the row and wake the worker, which sends. Raises TooManyMails."""
    with _refusals_on_record(AuditAction.MAILBOX_TEST_SENT, mailbox):
        test_limits.count_test(by, mailbox.tenant_id, recipient, now)
        mail_limits.count_mail(_person(by), mailbox.tenant_id, recipient, now)
    delivery = create(mailbox, recipient, transport=transport or "", sends_as=sends_as, now=now)
    wakeup.notify_worker()
    return delivery


def _person(by: User | AnonymousUser) -> User | None:
    return by if isinstance(by, User) else None


@contextmanager
def _refusals_on_record(act: AuditAction, on: Model) -> Iterator[None]:
    try:
        yield
    except mail_limits.TooManyMails:
        audit.record_refusal(act, on, result=Result.REFUSED)
        raise


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    """The text of a test: from where, by what, when; in the language of the recipient or the tenant."""
    if delivery.uses_channel:
        return _of_channel(delivery, now)
    if delivery.mailbox is None:
        return Obsolete(messages.MAILBOX_DELETED)
    language = language_of(delivery.recipient, delivery.mailbox.tenant)
    with translation.override(language):
        return replace(_worded(delivery, delivery.mailbox, now), language=language)


def _of_channel(delivery: Delivery, now: datetime) -> Content | Obsolete:
    channel = Channel.objects.filter(deliveries=delivery).select_related("tenant", "app__tenant").first()
    if channel is None:
        return Obsolete(messages.CHANNEL_DELETED)
    language = channel.mail_language
    with translation.override(language):
        explanation = (
            _("This channel is notified of expiring secrets.")
            if channel.line
            else _("This channel receives what no mail could deliver.")
        )
        text = _(
            "This is a test by alertadmin, sent to “%(name)s” (%(kind)s) on %(time)s UTC. %(told)s You do not "
            "need to answer."
        ) % {"name": clean(channel.name), "kind": channel.label, "time": _format_time(now), "told": explanation}
        return Content(
            _("Test by alertadmin: “%(name)s” works") % {"name": clean(channel.name)}, text, language=language
        )


def _format_time(now: datetime) -> str:
    return date_format(now.astimezone(UTC), pgettext("date format", "j M Y, H:i:s"))


def _worded(delivery: Delivery, mailbox: Mailbox, now: datetime) -> Content:
    transport = transport_label(delivery.transport or mailbox.transport)
    if delivery.sends_as:
        return _as_another(delivery, mailbox, transport, now)
    text = _(
        "This is a test by alertadmin. It was sent from %(address)s by %(transport)s on %(time)s UTC, through "
        "%(through)s of %(tenant)s. You do not need to answer."
    ) % {
        "address": mailbox.address,
        "transport": transport,
        "time": _format_time(now),
        "through": clean(mailbox.through),
        "tenant": clean(mailbox.tenant.name),
    }
    return Content(_("Test by alertadmin: mail from %(address)s arrives") % {"address": mailbox.address}, f"{text}\n")


def _as_another(delivery: Delivery, mailbox: Mailbox, transport: str, now: datetime) -> Content:
    names = {
        "other": delivery.sends_as,
        "address": mailbox.address,
        "through": clean(mailbox.through),
        "tenant": clean(mailbox.tenant.name),
        "transport": transport,
        "time": _format_time(now),
    }
    text = _(
        "This is a test by alertadmin, to find out whether %(through)s of %(tenant)s, which sends as "
        "%(address)s, can also send as %(other)s. It can: this mail was sent as %(other)s by %(transport)s on "
        "%(time)s UTC. You do not need to answer."
    )
    return Content(_("Test by alertadmin: the app can also send as %(other)s") % names, f"{text % names}\n")
