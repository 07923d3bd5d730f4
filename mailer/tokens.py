"""Access tokens for an app or a signed-in personal account: requested from Entra, or cached for sending."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from mailer import messages, token_client
from mailer.app_identity import AppIdentity, ClientCertificate, ClientSecret, Identity
from mailer.errors import Acceptance, Answer, SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.http.http_session import Session
from mailer.personal_account import PersonalAccount
from mailer.token_client import Token

__all__ = ["AppIdentity", "ClientCertificate", "ClientSecret", "OnStep", "StepName", "Token", "TokenSource", "acquire"]

StepName = Literal["tenant", "token", "permission", "message"]
OnStep = Callable[[StepName, str], None]
"""Called when a step succeeds, with its name and one line of detail."""
Result = TypeVar("Result")
STALE_TOKEN_CAUSES = frozenset({"token_rejected", "role_missing"})
"""Refusals that a new token may avoid: the cached one was revoked, or consent was granted after it was issued."""


def acquire(app: Identity, scope: str, *, on_step: OnStep | None = None, timeout: float = 10) -> Token:
    """Request a token from Entra with a new msal application and an empty cache, within `timeout` seconds in total.

    msal caches tokens by client id and tenant, not by secret, and caches refusals for a minute. A reused application
    could return the result of another secret. Raises SendError.
    """
    step = on_step or _ignore
    with (
        wire_errors.redacting(*app.secrets),
        deadline_sockets.deadline(timeout),
        Session(app.cloud.ca_file, timeout=timeout) as session,
    ):
        try:
            token = _request(app, scope, session, lambda: step("tenant", app.cloud.authority))
        except (OSError, ValueError) as error:  # requests' exceptions are OSErrors
            raise wire_errors.to_send_error(error, sent=False) from None
    step("token", messages.TOKEN_VALID % {"time": f"{token.expires_at:%H:%M}"})
    return token


def _request(app: Identity, scope: str, session: Session, on_tenant: Callable[[], None]) -> Token:
    if isinstance(app, AppIdentity):
        return token_client.request_token(app, scope, session, on_tenant)
    return _refresh(app, scope, session, on_tenant)


def _refresh(person: PersonalAccount, scope: str, session: Session, on_tenant: Callable[[], None]) -> Token:
    """Use the refresh token. The account's store gets the new one, or the error, before the access token is used."""
    try:
        token, refresh_token = token_client.refresh(person, scope, session, on_tenant)
    except SendError as failure:
        if failure.cause == "user_sign_in_needed" and person.store:
            person.store.mark_ended(failure)
        if failure.cause == "consent_missing":  # the user consented to another transport; no administrator can grant it
            failure.cause = "user_sign_in_needed"
        raise
    if person.store:
        person.store.save_renewed(refresh_token)
    return token


def _ignore(step: StepName, detail: str) -> None:
    """The default for `on_step`."""


class TokenSource:
    """A cache of tokens in memory, until shortly before they expire; the least recently used is evicted first.

    The key includes the credential, so that after a rotation no message is sent with a token of the old secret.
    """

    MARGIN = timedelta(minutes=5)
    """A token is not used this long before it expires; a short-lived one not in the last fifth of its lifetime."""

    def __init__(self, max_entries: int = 2000) -> None:
        self.max_entries = max_entries
        self._tokens: OrderedDict[str, tuple[Token, datetime]] = OrderedDict()
        self._fetching: dict[str, Future[Token]] = {}
        self._lock = threading.Lock()

    def token(self, app: Identity, scope: str, on_step: OnStep | None = None) -> Token:
        """A cached or new token. Raises SendError. One thread requests a token; others that need it share the
        result."""
        key = _key(app, scope)
        with self._lock:
            token = self._cached(key)
            under_way = self._fetching.get(key)
            if token is None and under_way is None:
                mine = self._fetching[key] = Future()
        if token is not None:
            return _report_cached(token, app, on_step)
        if under_way is not None:
            return _report_cached(_await(under_way), app, on_step)
        return self._fetch(key, mine, app, scope, on_step)

    def with_token(
        self,
        app: Identity,
        scope: str,
        permission: str,
        on_step: OnStep | None,
        attempt: Callable[[Token], Result],
    ) -> Result:
        """The result of `attempt`. If a cached token is refused, `attempt` runs again with a new one. Raises
        SendError."""
        was_cached = self.has_cached(app, scope)
        try:
            return self._attempt(app, scope, permission, on_step, attempt)
        except SendError as failure:
            if failure.cause not in STALE_TOKEN_CAUSES or failure.outcome != Acceptance.NOT_SENT:
                raise
            self.forget(app, scope)
            if not was_cached:
                raise
        return self._attempt(app, scope, permission, None, attempt)

    def has_cached(self, app: Identity, scope: str) -> bool:
        """Whether a token is cached. It may have been revoked since, or lack permissions granted since."""
        with self._lock:
            return self._cached(_key(app, scope)) is not None

    def forget(self, app: Identity, scope: str) -> None:
        with self._lock:
            self._tokens.pop(_key(app, scope), None)

    def _attempt(
        self,
        app: Identity,
        scope: str,
        permission: str,
        on_step: OnStep | None,
        attempt: Callable[[Token], Result],
    ) -> Result:
        """Run `attempt` with a token. A missing permission is no reason to stop: an app that Exchange scopes by RBAC
        sends without any role in its token."""
        token = self.token(app, scope, on_step)
        if on_step:
            on_step("permission", _permission_detail(permission, token))
        with wire_errors.redacting(token.value, *app.secrets):
            return attempt(token)

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

    def _cached(self, key: str) -> Token | None:
        """The cached token, if usable. Called with the lock held."""
        token, usable_until = self._tokens.get(key, (None, None))
        if token is None or usable_until is None or usable_until <= datetime.now(UTC):
            return None
        self._tokens.move_to_end(key)
        return token


def _report_cached(token: Token, app: Identity, on_step: OnStep | None) -> Token:
    if on_step:
        on_step("tenant", app.cloud.authority)
        on_step("token", messages.TOKEN_CACHED % {"time": f"{token.expires_at:%H:%M}"})
    return token


def _permission_detail(permission: str, token: Token) -> str:
    if not token.readable:
        return f"the token does not show whether it holds {permission}"
    return permission if permission in token.roles else messages.NOT_IN_TOKEN % {"permission": permission}


def _await(under_way: Future[Token]) -> Token:
    """The result of another thread's request. Raises a copy of its SendError: threads must not share an exception."""
    try:
        return under_way.result(timeout=deadline_sockets.seconds_left())
    except TimeoutError:
        said = "The token endpoint did not answer in time."
        raise SendError("network", said, retry=True, answer=Answer.NO_ANSWER) from None
    except SendError as failure:
        raise replace(failure) from None


def _key(app: Identity, scope: str) -> str:
    return hashlib.sha256("\0".join((scope, *app.key)).encode()).hexdigest()
