"""Tokens for an app, or a person who signed in to it: straight from Entra to check them, or kept for sending."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from mailer import token_client
from mailer.access_token import Token
from mailer.app_identity import AppIdentity, ClientCertificate, ClientSecret, Identity
from mailer.errors import Answer, SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.http.http_session import Session
from mailer.personal_account import PersonalAccount

__all__ = ["AppIdentity", "ClientCertificate", "ClientSecret", "OnStep", "StepName", "Token", "TokenSource", "acquire"]

StepName = Literal["tenant", "token", "permission", "message"]
OnStep = Callable[[StepName, str], None]
"""Called as each step succeeds: its name and one line of detail."""


def acquire(app: Identity, scope: str, *, on_step: OnStep | None = None, timeout: float = 10) -> Token:
    """A token straight from Entra: a fresh msal application with an empty cache, within `timeout` seconds in all.

    msal keeps tokens by client id and tenant, not by secret, and remembers a refusal for a minute: a used application
    would answer for a secret that it never showed. Raises SendError.
    """
    step = on_step or _ignore
    with (
        wire_errors.redacting(*app.secrets),
        deadline_sockets.deadline(timeout),
        Session(app.cloud.ca_file, timeout=timeout) as session,
    ):
        try:
            token = _asked(app, scope, session, lambda: step("tenant", app.cloud.authority))
        except (OSError, ValueError) as error:  # requests' exceptions are OSErrors
            raise wire_errors.failure_of(error, sent=False) from None
    step("token", f"valid until {token.expires_at:%H:%M} UTC")
    return token


def _asked(app: Identity, scope: str, session: Session, on_tenant: Callable[[], None]) -> Token:
    if isinstance(app, AppIdentity):
        return token_client.ask(app, scope, session, on_tenant)
    return _refreshed(app, scope, session, on_tenant)


def _refreshed(person: PersonalAccount, scope: str, session: Session, on_tenant: Callable[[], None]) -> Token:
    """Whoever keeps the sign-in is told what became of it before its token is used."""
    try:
        token, refresh_token = token_client.refresh(person, scope, session, on_tenant)
    except SendError as failure:
        if failure.cause == "user_sign_in_needed" and person.keeper:
            person.keeper.ended(failure)
        if failure.cause == "consent_missing":  # of another way to send: no administrator grants it
            failure.cause = "user_sign_in_needed"
        raise
    if person.keeper:
        person.keeper.renewed(refresh_token)
    return token


def _ignore(step: StepName, detail: str) -> None:
    """Nobody wants to know."""


class TokenSource:
    """Tokens for sending, kept in memory until shortly before they end; the least used goes first.

    Kept by credential too, so that a replaced secret never sends with the token of the old one.
    """

    MARGIN = timedelta(minutes=5)
    """Before its end a token is used no more; of a short-lived one, the last fifth of its life."""

    def __init__(self, max_entries: int = 2000) -> None:
        self.max_entries = max_entries
        self._tokens: OrderedDict[str, tuple[Token, datetime]] = OrderedDict()
        self._fetching: dict[str, Future[Token]] = {}
        self._lock = threading.Lock()

    def token(self, app: Identity, scope: str, on_step: OnStep | None = None) -> Token:
        """Raises SendError. Of several threads that need the same token one fetches it, and all share what came of
        it."""
        key = _key(app, scope)
        with self._lock:
            token = self._kept(key)
            under_way = self._fetching.get(key)
            if token is None and under_way is None:
                mine = self._fetching[key] = Future()
        if token is not None:
            return _known(token, app, on_step)
        if under_way is not None:
            return _known(_awaited(under_way), app, on_step)
        return self._fetch(key, mine, app, scope, on_step)

    def has(self, app: Identity, scope: str) -> bool:
        """Whether a token is kept, which may have been revoked since, or lack what was granted since."""
        with self._lock:
            return self._kept(_key(app, scope)) is not None

    def forget(self, app: Identity, scope: str) -> None:
        with self._lock:
            self._tokens.pop(_key(app, scope), None)

    def _fetch(self, key: str, mine: Future[Token], app: Identity, scope: str, on_step: OnStep | None) -> Token:
        try:
            token = acquire(app, scope, on_step=on_step)
        except BaseException as error:
            with self._lock:
                del self._fetching[key]
            mine.set_exception(error)
            raise
        now = datetime.now(UTC)
        usable_until = token.expires_at - min(self.MARGIN, (token.expires_at - now) / 5)
        with self._lock:
            del self._fetching[key]
            self._tokens[key] = token, usable_until
            while len(self._tokens) > self.max_entries:
                self._tokens.popitem(last=False)
        mine.set_result(token)
        return token

    def _kept(self, key: str) -> Token | None:
        """Called under the lock."""
        token, usable_until = self._tokens.get(key, (None, None))
        if token is None or usable_until is None or usable_until <= datetime.now(UTC):
            return None
        self._tokens.move_to_end(key)
        return token


def _known(token: Token, app: Identity, on_step: OnStep | None) -> Token:
    if on_step:
        on_step("tenant", app.cloud.authority)
        on_step("token", f"kept, valid until {token.expires_at:%H:%M} UTC")
    return token


def _awaited(under_way: Future[Token]) -> Token:
    """What another thread's request brought. Raises SendError, a copy: an exception is one thread's own."""
    try:
        return under_way.result(timeout=deadline_sockets.left())
    except TimeoutError:
        said = "The token endpoint did not answer in time."
        raise SendError("network", said, retry=True, answer=Answer.NO_ANSWER) from None
    except SendError as failure:
        raise replace(failure) from None


def _key(app: Identity, scope: str) -> str:
    return hashlib.sha256("\0".join((scope, *app.key)).encode()).hexdigest()
