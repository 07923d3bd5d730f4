"""The mail with the link that verifies an account's address and activates its pending role. The row does not contain
the link: it is inserted when the message is sent.

It is triggered by the audit trail: the mail is written in the transaction that makes the role pending.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from alertadmin.accounts.models import User
from alertadmin.accounts.models.pending_role import PendingRole
from alertadmin.audit import AuditAction, AuditEntry, Result
from alertadmin.outbox import mail_limits, messages
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import format_time, language_of_user
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.outbox.queue import wakeup
from alertadmin.registry.safe_names import clean

PREFIX = "proof:"
LINK = "https://link.invalid/"
"""Placeholder of the link in the stored text."""


def write(sender: object, entry: AuditEntry, on: object, **_signal: Any) -> None:
    """Raises TooManyMails, which rolls back the transaction that assigned the role."""
    if entry.act != AuditAction.PERSON_ROLE_PENDING or entry.result != Result.DONE or not isinstance(on, User):
        return
    row = PendingRole.objects.select_related("given_by").get(user=on)
    mail_limits.count_mail(row.given_by, None, row.address, row.made_at)
    Delivery.objects.create(
        purpose=Purpose.PROOF,
        dedupe_key=f"{PREFIX}{row.key}",
        recipient=row.address,
        created_at=row.made_at,
        not_before=row.made_at,
        urgency=row.made_at,
    )
    wakeup.notify_worker()


def delivery_of(row: PendingRole) -> Delivery | None:
    """The mail with the currently valid link."""
    return Delivery.objects.filter(dedupe_key=f"{PREFIX}{row.key}").first()


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    row = _pending(delivery)
    if row is None or row.ends_at <= now or row.address != row.user.email or not row.user.is_active:
        return Obsolete(messages.PROOF_OBSOLETE)
    language = language_of_user(row.user)
    with translation.override(language), timezone.override(row.user.zone):
        words = {
            "email": row.address,
            "role": row.get_role_display(),
            "link": LINK,
            "until": format_time(row.ends_at),
        }
        lines = [
            _(
                "The account %(email)s at alertadmin is to have this role in all tenants: %(role)s.\n\nThe role "
                "takes effect when you open this link and confirm that the account and its address are yours, "
                "until %(until)s:\n%(link)s"
            )
            % words
        ]
        if row.given_by is not None:
            lines.append(_("Given by “%(name)s”.") % {"name": clean(row.given_by.name or _local_part(row.given_by))})
        lines.append(_("If you do not know this account, do not open the link: nothing changes without it."))
        return Content(str(_("Confirm your address at alertadmin")), "\n\n".join(lines), language=language)


def _local_part(user: User) -> str:
    return user.email.partition("@")[0]


def fill(delivery: Delivery, words: str) -> str:
    """Insert the link into the stored text, for sending only."""
    row = _pending(delivery)
    return words.replace(LINK, row.link) if row else words


def _pending(delivery: Delivery) -> PendingRole | None:
    pk, _dot, nonce = delivery.dedupe_key.removeprefix(PREFIX).partition(".")
    return PendingRole.objects.filter(pk=pk, nonce=nonce).select_related("user", "given_by").first()
