"""Disclosure of a secret to a person without an account, by a link that works once and expires.

A link has the rights of the user who made it: it stops working when that user may no longer disclose the secret, and
when the secret was disclosed otherwise, replaced or deleted. The response is the same in all these cases.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from alertadmin import audit
from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction, actor
from alertadmin.crypto.decryption import decrypt_audited
from alertadmin.registry.credentials.disclosure import (
    AlreadyDisclosed,
    create_disclosure,
    credential_disclosed,
    read_reason,
)
from alertadmin.registry.models import Credential, CredentialKind, Mailbox, OneTimeLink, SecretDisclosure
from alertadmin.registry.models.one_time_link import digest_of, new_token


@dataclass(frozen=True)
class LinkContents:
    """An opened link and the secret's value."""

    link: OneTimeLink
    value: str = field(repr=False)


def create(
    credential: Credential,
    *,
    recipient: str,
    reason: str,
    lifetime: timedelta,
    by: User,
    now: datetime,
    mailbox: Mailbox | None = None,
    program: str = "",
) -> str:
    """Create a link; returns its token, of which only a hash is stored.

    Raises ValidationError with a message for the user.
    """
    if credential.kind != CredentialKind.SECRET or credential.value is None:
        raise ValidationError(_("No secret value is stored here, so there is nothing to show."))
    if SecretDisclosure.objects.filter(credential=credential).exists():
        raise ValidationError(str(AlreadyDisclosed()))
    token = new_token()
    try:
        with transaction.atomic():
            links = OneTimeLink.objects.filter(credential=credential)
            links.filter(is_open=True, ends_at__lte=now).update(is_open=False)
            link = OneTimeLink.objects.create(
                credential=credential,
                mailbox=mailbox,
                program=program,
                digest=digest_of(token),
                recipient=" ".join(recipient.split()),
                reason=read_reason(reason),
                by=by,
                by_name=str(by),
                made_at=now,
                ends_at=now + lifetime,
            )
            _record(AuditAction.SECRET_LINK_MADE, link, now, until=link.ends_at)
    except IntegrityError:
        if OneTimeLink.objects.waiting(now).filter(credential=credential).exists():
            raise ValidationError(_("A one-time link to it has not been opened yet. Revoke the link first.")) from None
        raise
    return token


def revoke(credential: Credential, now: datetime) -> bool:
    """Revoke the credential's unopened link. False if there is none, for example because it was opened just now."""
    with transaction.atomic():
        waiting = OneTimeLink.objects.waiting(now).filter(credential=credential)
        link = waiting.first()
        if link is None or not waiting.filter(pk=link.pk).update(is_open=False, revoked_at=now):
            return False
        _record(AuditAction.SECRET_LINK_REVOKED, link, now)
    return True


def find(token: str, now: datetime) -> OneTimeLink | None:
    """The link, if it can be opened. Writes nothing."""
    related = ("credential__app__tenant", "mailbox__tenant", "mailbox__app", "by")
    link = OneTimeLink.objects.by_token(token).usable(now).select_related(*related).first()
    may = link is not None and Access(link.by).may(Right.HAND_OVER, link.credential)
    return link if may else None


@sensitive_variables("token", "value")
def open_once(token: str, now: datetime) -> LinkContents | None:
    """The secret's value for the first request, None for others. Raises Unreadable; then the link is not used up.

    A request for a link that no longer works is recorded in the audit trail: the link may have been intercepted.
    """
    link = find(token, now)
    if link is None or link.credential.value is None:
        _record_refusal(token, now)
        return None
    value = decrypt_audited(link.credential.value)
    if not _consume(link, now):
        _record_refusal(token, now)
        return None
    return LinkContents(link, value)


def _consume(link: OneTimeLink, now: datetime) -> bool:
    """Mark the link opened and store the secret's disclosure. A conditional UPDATE lets one of two requests win."""
    came_from = actor.current().address
    try:
        with transaction.atomic():
            waiting = OneTimeLink.objects.waiting(now).filter(pk=link.pk)
            if not waiting.update(is_open=False, opened_at=now, opened_from=came_from):
                return False
            create_disclosure(link.credential, by=None, by_name=link.recipient, reason=link.reason, now=now)
            link.opened_at, link.opened_from = now, came_from
            entry = _record(AuditAction.SECRET_LINK_OPENED, link, now, actor=link.by_name)
            credential_disclosed.send(SecretDisclosure, entry=entry)
    except AlreadyDisclosed:
        return False
    return True


def _record_refusal(token: str, now: datetime) -> None:
    """Record a refused request. `record_refusal` limits the rate, since the request needs no sign-in."""
    link = OneTimeLink.objects.by_token(token).select_related("credential__app").first()
    if link is not None:
        audit.record_refusal(
            AuditAction.SECRET_LINK_OPENED, link.credential, result=audit.Result.REFUSED, now=now, **_details(link)
        )


def _record(act: AuditAction, link: OneTimeLink, now: datetime, **more: Any) -> audit.AuditEntry:
    return audit.record(act, link.credential, now=now, **{**_details(link), **more})


def _details(link: OneTimeLink) -> dict[str, Any]:
    return {"app": link.credential.app.name, "recipient": link.recipient, "reason": link.reason, "entry": link.pk}
