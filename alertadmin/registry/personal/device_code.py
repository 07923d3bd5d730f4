"""Sign-in of a personal account by device code (RFC 8628), one poll in each request, so that no page waits for a user.

    waiting --the code was entered--> held --the administrator who began it confirms the account--> done
       \\--declined, expired, another account, failed        \\--refused, expired

An attacker can send a code to a victim, who enters it and signs in. Therefore the refresh token is first held,
encrypted, on the flow; the mailbox gets it only after the session that started the flow has confirmed the account.
Nothing else is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction, Result
from alertadmin.clock_skew import CLOCKS_DIFFER
from alertadmin.crypto import decryption
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.models import DeviceCodeFlow, DeviceCodeState, Mailbox
from alertadmin.registry.permissions import TransportName
from mailer import device_code
from mailer.coded_text import message_of
from mailer.device_code import PollStatus, SignedIn
from mailer.email_address import is_same
from mailer.errors import SendError
from mailer.personal_account import REFRESH_TOKEN_LIFETIME, PersonalAccount

POLL_TIMEOUT = 6.0
"""Seconds for one poll: a page waits for it."""
CONFIRM_WITHIN = timedelta(minutes=10)
"""After the code was entered."""
SLOW_DOWN = 5
"""Seconds added to the interval when the server answers slow_down (RFC 8628, 3.5)."""


def start(mailbox: Mailbox, *, now: datetime, by: User | None = None) -> tuple[DeviceCodeFlow, str]:
    """Get a code, replacing any earlier one. Returns the flow and the secret that the session keeps
    (`was_started_by`).

    Raises KeyringError if there is no key to encrypt the code with.
    """
    secret = secrets.token_urlsafe(24)
    sign_in = DeviceCodeFlow(
        mailbox=mailbox, state=DeviceCodeState.WAITING, started_at=now, ask_from=now, expires_at=now
    )
    sign_in.begun_by, sign_in.binding = by, _digest(secret)
    try:
        person = account_of(mailbox)
        scope = person.graph_scope if mailbox.transport == TransportName.GRAPH else person.smtp_scope
        code = device_code.start(person.cloud, person.client_id, scope)
    except (SendError, UnknownCloud) as error:
        sign_in.state = DeviceCodeState.FAILED
        _set_error(sign_in, error)
    else:
        sign_in.user_code, sign_in.page = code.user_code, code.page
        sign_in.device_code = code.device_code
        sign_in.interval, sign_in.expires_at = code.interval, now + code.lifetime
        sign_in.ask_from = now + timedelta(seconds=code.interval)
    result = Result.FAILED if sign_in.state == DeviceCodeState.FAILED else Result.DONE
    with transaction.atomic():
        DeviceCodeFlow.objects.filter(mailbox=mailbox).delete()
        sign_in.save(force_insert=True)
        audit.record(AuditAction.MAILBOX_SIGN_IN_BEGUN, mailbox, result=result, cause=sign_in.cause, now=now)
    return sign_in, secret


def was_started_by(sign_in: DeviceCodeFlow, by: User, secret: str) -> bool:
    """Whether the user started the flow in the session that has `secret`."""
    return sign_in.begun_by_id == by.pk and secrets.compare_digest(sign_in.binding, _digest(secret))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def poll(sign_in: DeviceCodeFlow, *, now: datetime) -> DeviceCodeFlow:
    """Poll for the result and return the flow's new state. Of several pages that poll at the same time one does; an
    expired code is not polled.

    Raises Unreadable if the code cannot be decrypted, KeyringError if the token cannot be encrypted.
    """
    if sign_in.state == DeviceCodeState.HELD and sign_in.expires_at <= now:
        return _finish(sign_in, DeviceCodeState.EXPIRED)
    waiting = DeviceCodeFlow.objects.filter(pk=sign_in.pk, state=DeviceCodeState.WAITING)
    if sign_in.state != DeviceCodeState.WAITING or sign_in.device_code is None:
        return sign_in
    if sign_in.expires_at <= now:
        return _finish(sign_in, DeviceCodeState.EXPIRED)
    # A next poll later than the interval means clock skew: poll now.
    too_late = now + timedelta(seconds=sign_in.interval) + CLOCKS_DIFFER
    may_ask = Q(ask_from__lte=now) | Q(ask_from__gt=too_late)
    if not waiting.filter(may_ask).update(ask_from=now + timedelta(seconds=sign_in.interval)):
        sign_in.refresh_from_db()
        return sign_in
    try:
        person = account_of(sign_in.mailbox)
        code = decryption.decrypt_audited(sign_in.device_code)
        response = device_code.poll(person.cloud, person.client_id, code, timeout=POLL_TIMEOUT)
    except (SendError, UnknownCloud) as error:
        if isinstance(error, SendError) and error.retry:
            return sign_in  # a network error or a busy server: the next poll may succeed
        _set_error(sign_in, error)
        return _finish(sign_in, DeviceCodeState.FAILED)
    return _apply_response(sign_in, response, now)


def _apply_response(sign_in: DeviceCodeFlow, response: SignedIn | PollStatus, now: datetime) -> DeviceCodeFlow:
    if isinstance(response, SignedIn):
        return _hold_token(sign_in, response, now)
    if response is PollStatus.DECLINED:
        return _finish(sign_in, DeviceCodeState.DECLINED)
    if response is PollStatus.EXPIRED:
        return _finish(sign_in, DeviceCodeState.EXPIRED)
    if response is PollStatus.SLOWER:
        sign_in.interval = min(sign_in.interval + SLOW_DOWN, device_code.MAX_INTERVAL)
        DeviceCodeFlow.objects.filter(pk=sign_in.pk).update(interval=sign_in.interval)
    return sign_in


def _hold_token(sign_in: DeviceCodeFlow, response: SignedIn, now: datetime) -> DeviceCodeFlow:
    """Hold the token of the mailbox's account. Another account's is discarded: it would send from another address."""
    sign_in.account = response.account
    if not is_same(response.account, sign_in.mailbox.address):
        return _finish(sign_in, DeviceCodeState.OTHER_ACCOUNT)
    sign_in.state, sign_in.user_code, sign_in.device_code = DeviceCodeState.HELD, "", None
    sign_in.held_token, sign_in.expires_at = response.refresh_token, now + CONFIRM_WITHIN
    sign_in.save()
    return sign_in


def confirm(sign_in: DeviceCodeFlow, *, now: datetime) -> DeviceCodeFlow:
    """Move the held token to the mailbox, once, if the mailbox still has the account's address.

    Raises Unreadable if the token cannot be decrypted because the mailbox's app, cloud or address changed.
    """
    if sign_in.state != DeviceCodeState.HELD or sign_in.held_token is None:
        return sign_in
    if sign_in.expires_at <= now:
        return _finish(sign_in, DeviceCodeState.EXPIRED)
    token = decryption.decrypt_audited(sign_in.held_token)
    with transaction.atomic():
        held = DeviceCodeFlow.objects.select_for_update(of=("self",)).filter(pk=sign_in.pk, state=DeviceCodeState.HELD)
        rows = Mailbox.objects.select_for_update(of=("self",)).select_related("tenant", "app__tenant")
        mailbox = rows.filter(pk=sign_in.mailbox_id).first()
        if mailbox is None or held.first() is None:
            return DeviceCodeFlow.objects.filter(pk=sign_in.pk).first() or sign_in  # confirmed or replaced meanwhile
        sign_in.mailbox = mailbox
        if not is_same(sign_in.account, mailbox.address):
            return _finish(sign_in, DeviceCodeState.OTHER_ACCOUNT)
        mailbox.refresh_token = token
        mailbox.signed_in_at, mailbox.sign_in_ends_at = now, now + REFRESH_TOKEN_LIFETIME
        mailbox.save(update_fields=["refresh_token", "signed_in_at", "sign_in_ends_at"])
        return _finish(sign_in, DeviceCodeState.DONE)


def refuse(sign_in: DeviceCodeFlow) -> DeviceCodeFlow:
    """End the flow: the administrator who started it refused the account. The token is deleted."""
    if sign_in.state not in (DeviceCodeState.WAITING, DeviceCodeState.HELD):
        return sign_in
    return _finish(sign_in, DeviceCodeState.DECLINED)


@transaction.atomic
def _finish(sign_in: DeviceCodeFlow, state: DeviceCodeState) -> DeviceCodeFlow:
    """Set a final state and delete the code and the held token."""
    sign_in.state, sign_in.user_code, sign_in.device_code, sign_in.held_token = state, "", None, None
    sign_in.save()
    result = Result.DONE if state == DeviceCodeState.DONE else Result.FAILED
    audit.record(AuditAction.MAILBOX_SIGNED_IN, sign_in.mailbox, result=result, state=state, cause=sign_in.cause)
    return sign_in


def _set_error(sign_in: DeviceCodeFlow, error: SendError | UnknownCloud) -> None:
    sign_in.cause = error.cause if isinstance(error, SendError) else ""
    sign_in.technical = error.technical if isinstance(error, SendError) else message_of(error)


def account_of(mailbox: Mailbox) -> PersonalAccount:
    """The mailbox's account at its app's own cloud, without a refresh token. Raises UnknownCloud."""
    assert mailbox.app is not None, "a personal account has an app"  # noqa: S101 (the table's constraint)
    return PersonalAccount(mailbox.app.tenant.mail_cloud, mailbox.app.client_id, mailbox.address, "")
