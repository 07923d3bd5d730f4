"""Signing a personal account in, one question at a time, so that no page waits for a person.

The refresh token is sealed on the mailbox; nothing else of what Microsoft gives is kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alertadmin.accounts import audit
from alertadmin.accounts.audit import Act, Result
from alertadmin.accounts.clock_skew import CLOCKS_DIFFER
from alertadmin.registry import opening
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.models import Mailbox, SignIn, SignInState
from alertadmin.registry.permissions import Transport
from mailer import device_code
from mailer.device_code import SignedIn, Waiting
from mailer.email_address import is_same
from mailer.failure import Failure
from mailer.person import UNUSED, Person

PATIENCE = 6.0
"""Seconds that one question may take: a page waits for it."""
SLOW_DOWN = 5
"""Seconds more between two questions when the server asks for it (RFC 8628, 3.5)."""


def begin(mailbox: Mailbox, *, now: datetime) -> SignIn:
    """Gets a code, in the place of any earlier one. Raises KeyRingError if there is no key to seal it with."""
    sign_in = SignIn(mailbox=mailbox, state=SignInState.WAITING, started_at=now, ask_from=now, expires_at=now)
    try:
        person = person_of(mailbox)
        scope = person.graph_scope if mailbox.transport == Transport.GRAPH else person.smtp_scope
        code = device_code.begin(person.cloud, person.client_id, scope)
    except (Failure, UnknownCloud) as error:
        sign_in.state = SignInState.FAILED
        _note(sign_in, error)
    else:
        sign_in.user_code, sign_in.page = code.user_code, code.page
        sign_in.device_code = code.device_code
        sign_in.interval, sign_in.expires_at = code.interval, now + code.lifetime
        sign_in.ask_from = now + timedelta(seconds=code.interval)
    result = Result.FAILED if sign_in.state == SignInState.FAILED else Result.DONE
    with transaction.atomic():
        SignIn.objects.filter(mailbox=mailbox).delete()
        sign_in.save(force_insert=True)
        audit.record(Act.MAILBOX_SIGN_IN_BEGUN, mailbox, result=result, cause=sign_in.cause, now=now)
    return sign_in


def ask(sign_in: SignIn, *, now: datetime) -> SignIn:
    """How it stands now. Of several pages that ask at once, one does; a code that is over is asked for no more.

    Raises Unreadable if the code cannot be opened, or the token not be sealed.
    """
    waiting = SignIn.objects.filter(pk=sign_in.pk, state=SignInState.WAITING)
    if sign_in.state != SignInState.WAITING or sign_in.device_code is None:
        return sign_in
    if sign_in.expires_at <= now:
        return _end(sign_in, SignInState.EXPIRED)
    # What must not be asked for longer than the interval was written by a clock that ran ahead.
    too_late = now + timedelta(seconds=sign_in.interval) + CLOCKS_DIFFER
    may_ask = Q(ask_from__lte=now) | Q(ask_from__gt=too_late)
    if not waiting.filter(may_ask).update(ask_from=now + timedelta(seconds=sign_in.interval)):
        sign_in.refresh_from_db()
        return sign_in
    try:
        person = person_of(sign_in.mailbox)
        code = opening.opened(sign_in.device_code)
        heard = device_code.ask(person.cloud, person.client_id, code, timeout=PATIENCE)
    except (Failure, UnknownCloud) as error:
        if isinstance(error, Failure) and error.retry:
            return sign_in  # the network, or a server that is busy: the next question may be answered
        _note(sign_in, error)
        return _end(sign_in, SignInState.FAILED)
    return _heard(sign_in, heard, now)


def _heard(sign_in: SignIn, heard: SignedIn | Waiting, now: datetime) -> SignIn:
    if isinstance(heard, SignedIn):
        return _signed_in(sign_in, heard, now)
    if heard is Waiting.DECLINED:
        return _end(sign_in, SignInState.DECLINED)
    if heard is Waiting.EXPIRED:
        return _end(sign_in, SignInState.EXPIRED)
    if heard is Waiting.SLOWER:
        sign_in.interval = min(sign_in.interval + SLOW_DOWN, device_code.SLOWEST)
        SignIn.objects.filter(pk=sign_in.pk).update(interval=sign_in.interval)
    return sign_in


def _signed_in(sign_in: SignIn, heard: SignedIn, now: datetime) -> SignIn:
    """Another account's token would send from another address: it is not kept."""
    mailbox = sign_in.mailbox
    if not is_same(heard.account, mailbox.address):
        sign_in.account = heard.account
        return _end(sign_in, SignInState.OTHER_ACCOUNT)
    mailbox.refresh_token = heard.refresh_token
    mailbox.signed_in_at, mailbox.sign_in_ends_at = now, now + UNUSED
    with transaction.atomic():
        mailbox.save(update_fields=["refresh_token", "signed_in_at", "sign_in_ends_at"])
        return _end(sign_in, SignInState.DONE)


@transaction.atomic
def _end(sign_in: SignIn, state: SignInState) -> SignIn:
    """What can be asked for no more is not kept."""
    sign_in.state, sign_in.user_code, sign_in.device_code = state, "", None
    sign_in.save()
    result = Result.DONE if state == SignInState.DONE else Result.FAILED
    audit.record(Act.MAILBOX_SIGNED_IN, sign_in.mailbox, result=result, state=state, cause=sign_in.cause)
    return sign_in


def _note(sign_in: SignIn, error: Failure | UnknownCloud) -> None:
    sign_in.cause = error.cause if isinstance(error, Failure) else ""
    sign_in.technical = error.technical if isinstance(error, Failure) else str(error)


def person_of(mailbox: Mailbox) -> Person:
    """The account that is to sign in, at its app's own cloud; nothing opened. Raises UnknownCloud."""
    assert mailbox.app is not None, "a personal account has an app"  # noqa: S101 (the table's constraint)
    return Person(mailbox.app.tenant.mail_cloud, mailbox.app.client_id, mailbox.address, "")
