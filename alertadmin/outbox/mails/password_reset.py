"""The password reset mail. The row does not contain the link: it is inserted when the message is sent."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts import password_reset
from alertadmin.accounts.models import User
from alertadmin.audit.throttle_counter import Limit
from alertadmin.outbox import messages
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of_user
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.outbox.queue import wakeup

UNKNOWN_ADDRESSES = Limit("new passwords for addresses that are not here", 30, timedelta(hours=1))
"""Deliveries written for unknown addresses; further ones are only counted."""
LINK = "https://link.invalid/"
"""Placeholder of the link in the stored text."""


def send_reset_link(address: str, now: datetime) -> None:
    """Write a delivery for every address, so that response times do not reveal which accounts exist. An account's mail
    is sent to its stored address, never to the address that was entered."""
    user = User.objects.by_address(address)
    if user is None and UNKNOWN_ADDRESSES.sample("", now) is None:
        wakeup.notify_worker()  # the same work as for the others: a row written, the worker notified
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
    user = _user(delivery)
    if user is None:
        return Obsolete(messages.NO_PASSWORD_ACCOUNT)
    if now - delivery.created_at > password_reset.GOOD_FOR:
        return Obsolete(messages.LINK_EXPIRED)
    with transaction.atomic():
        audit.record(audit.AuditAction.PASSWORD_RESET_ASKED, user, now=now)
    language = language_of_user(user)
    with translation.override(language):
        text = _(
            "A new password for %(email)s was requested, probably by you.\n\nChoose it here within an "
            "hour:\n%(link)s\n\nIf it was not you, ignore this mail: your password stays as it is."
        ) % {"email": user.email, "link": LINK}
        return Content(str(_("Your new password for alertadmin")), text, language=language)


def fill(delivery: Delivery, words: str) -> str:
    """Insert the link into the stored text, for sending only."""
    user = _user(delivery)
    return words.replace(LINK, password_reset.link(user)) if user else words


def _user(delivery: Delivery) -> User | None:
    """The active user with exactly that address who signs in by password."""
    user = User.objects.filter(email=delivery.recipient, is_active=True).first()
    return user if user and user.has_usable_password() else None
