"""The mail with the link to a new password. The row holds no link: it is put in as it leaves."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts import password_reset
from alertadmin.accounts.models import User
from alertadmin.audit.throttle_counter import Limit
from alertadmin.outbox import messages
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.outbox.queue import wakeup

NOT_HERE = Limit("new passwords for addresses that are not here", 30, timedelta(hours=1))
"""Deliveries; further ones are counted alone."""
LINK = "https://link.invalid/"
"""Stands in the stored words where the link will be."""


def send_reset_link(address: str, now: datetime) -> None:
    """Written down for every address, so that the time it takes does not tell whose account is here. An account's mail
    goes to the address that is stored, never to what was typed."""
    user = User.objects.by_address(address)
    if user is None and NOT_HERE.sample("", now) is None:
        wakeup.notify_worker()  # a row was written and the worker told, as for the others
        return
    Delivery.objects.create(
        purpose=Purpose.PASSWORD,
        dedupe_key=f"password:{uuid.uuid4()}",
        recipient=user.email if user else address,
        created_at=now,
        not_before=now,
        urgency=now,
    )
    wakeup.notify_worker()


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    user = _whose(delivery)
    if user is None:
        return Obsolete(messages.NOBODY_S_PASSWORD)
    if now - delivery.created_at > password_reset.GOOD_FOR:
        return Obsolete(messages.ASKED_TOO_LONG_AGO)
    with transaction.atomic():
        audit.record(audit.AuditAction.PASSWORD_RESET_ASKED, user, now=now)
    language = user.language or settings.LANGUAGE_CODE
    with translation.override(language):
        text = _(
            "Somebody, probably you, asked for a new password for %(email)s.\n\nChoose it here, within an hour:\n"
            "%(link)s\n\nIf it was not you, leave it: your password stays as it is."
        ) % {"email": user.email, "link": LINK}
        return Content(str(_("Your new password for alertadmin")), text, language=language)


def fill(delivery: Delivery, words: str) -> str:
    """The stored words with the link, for the wire alone."""
    user = _whose(delivery)
    return words.replace(LINK, password_reset.link(user)) if user else words


def _whose(delivery: Delivery) -> User | None:
    """The person who signs in by a password with exactly that address, as it is stored now."""
    user = User.objects.filter(email=delivery.recipient, is_active=True).first()
    return user if user and user.has_usable_password() else None
