"""Handing a secret over to somebody without an account: by a link that is good once, for a while.

The link is worth no more than whoever made it: if they may hand the secret over no more, it leads nowhere, as it does
once the secret was shown otherwise, replaced or deleted. To whoever holds the link all of that looks alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from alertadmin.accounts import actor, audit
from alertadmin.accounts.access import Access
from alertadmin.accounts.audit import Act
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.registry.handing import ShownBefore, handed_over, once, said_why
from alertadmin.registry.models import Credential, CredentialKind, Handover, HandoverLink, Mailbox
from alertadmin.registry.models.handover_link import digest_of, new_token
from alertadmin.registry.opening import opened


@dataclass(frozen=True)
class Shown:
    link: HandoverLink
    value: str = field(repr=False)


def make(
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
    """The link's token, which nothing here keeps. Raises ValidationError in words that help."""
    if credential.kind != CredentialKind.SECRET or credential.value is None:
        raise ValidationError(_("No secret value is stored here, so there is none to show."))
    if Handover.objects.filter(credential=credential).exists():
        raise ValidationError(str(ShownBefore()))
    token = new_token()
    try:
        with transaction.atomic():
            links = HandoverLink.objects.filter(credential=credential)
            links.filter(is_open=True, ends_at__lte=now).update(is_open=False)
            link = HandoverLink.objects.create(
                credential=credential,
                mailbox=mailbox,
                program=program,
                digest=digest_of(token),
                recipient=" ".join(recipient.split()),
                reason=said_why(reason),
                by=by,
                by_name=str(by),
                made_at=now,
                ends_at=now + lifetime,
            )
            _record(Act.SECRET_LINK_MADE, link, now, until=link.ends_at)
    except IntegrityError:
        if HandoverLink.objects.waiting(now).filter(credential=credential).exists():
            raise ValidationError(_("A one-time link to it waits to be opened. Revoke the link first.")) from None
        raise
    return token


def revoke(credential: Credential, now: datetime) -> bool:
    """The link that waits. False if there was none any more, because it was opened this moment, say."""
    with transaction.atomic():
        waiting = HandoverLink.objects.waiting(now).filter(credential=credential)
        link = waiting.first()
        if link is None or not waiting.filter(pk=link.pk).update(is_open=False, revoked_at=now):
            return False
        _record(Act.SECRET_LINK_REVOKED, link, now)
    return True


def find(token: str, now: datetime) -> HandoverLink | None:
    """The link, if it would show something. Nothing is written."""
    related = ("credential__app__tenant", "mailbox__tenant", "mailbox__app", "by")
    link = HandoverLink.objects.by_token(token).that_lead_somewhere(now).select_related(*related).first()
    may = link is not None and Access(link.by).may(Right.HAND_OVER, link.credential)
    return link if may else None


@sensitive_variables("token", "value")
def open_once(token: str, now: datetime) -> Shown | None:
    """The value, to the first who asks. Raises Unreadable, and then the link is not used up.

    That somebody comes with a link that was good once is on the record: it may have been read on its way.
    """
    link = find(token, now)
    if link is None or link.credential.value is None:
        _refused(token, now)
        return None
    value = opened(link.credential.value)
    if not _take(link, now):
        _refused(token, now)
        return None
    return Shown(link, value)


def _take(link: HandoverLink, now: datetime) -> bool:
    """One conditional UPDATE, so that of two at once one finds it taken; and the secret's single showing."""
    came_from = actor.current().address
    try:
        with transaction.atomic():
            waiting = HandoverLink.objects.waiting(now).filter(pk=link.pk)
            if not waiting.update(is_open=False, opened_at=now, opened_from=came_from):
                return False
            once(link.credential, by=None, by_name=link.recipient, reason=link.reason, now=now)
            link.opened_at, link.opened_from = now, came_from
            entry = _record(Act.SECRET_LINK_OPENED, link, now, actor=link.by_name)
            handed_over.send(Handover, entry=entry)
    except ShownBefore:
        return False
    return True


def _refused(token: str, now: datetime) -> None:
    """On the record so many times an hour: a stranger who has a link that was good once can ask again and again."""
    link = HandoverLink.objects.by_token(token).select_related("credential__app").first()
    if link is not None:
        audit.record_alone(
            Act.SECRET_LINK_OPENED, link.credential, result=audit.Result.REFUSED, now=now, **_details(link)
        )


def _record(act: Act, link: HandoverLink, now: datetime, **more: Any) -> audit.AuditEntry:
    return audit.record(act, link.credential, now=now, **{**_details(link), **more})


def _details(link: HandoverLink) -> dict[str, Any]:
    return {"app": link.credential.app.name, "recipient": link.recipient, "reason": link.reason, "entry": link.pk}
