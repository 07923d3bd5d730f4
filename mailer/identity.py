"""Tokens through msal, and what a token says was granted."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Literal
from urllib.parse import urlsplit

import msal
import requests

from mailer import diagnosis, wire
from mailer.clouds import Cloud
from mailer.failure import Failure


@dataclass(frozen=True, slots=True)
class ClientSecret:
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM texts. The public certificate's thumbprint is computed by msal (SHA-256)."""

    private_key: str = field(repr=False)
    public_certificate: str = ""
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """An app registration as the token endpoint knows it: which app, in which tenant, proven by what."""

    cloud: Cloud
    directory_id: str
    client_id: str
    credential: ClientSecret | ClientCertificate


@dataclass(frozen=True, slots=True)
class Token:
    """An app-only access token and the claims we show. Claims are read, not validated: the token is not for us."""

    value: str = field(repr=False)
    expires_at: datetime = field()
    roles: tuple[str, ...] = ()
    audience: str = ""
    tenant_id: str = ""
    app_id: str = ""


StepName = Literal["tenant", "token", "permission", "message"]
OnStep = Callable[[StepName, str], None]
"""Called as each step succeeds: its name and one line of detail."""


def acquire(app: AppIdentity, scope: str, *, on_step: OnStep | None = None, timeout: float = 10) -> Token:
    """A token straight from Entra: a fresh msal application with an empty cache, within `timeout` seconds in all.

    msal keeps tokens by client id and tenant, not by secret, and remembers a refusal for a minute: a used application
    would answer for a secret that it never showed. Raises Failure.
    """
    deadline = monotonic() + timeout
    session = wire.Session(app.cloud.ca_file, timeout=timeout / 2)
    try:
        client = _client(app, session, deadline)
        if on_step:
            on_step("tenant", app.cloud.authority)
        answer = wire.within(deadline - monotonic(), lambda: client.acquire_token_for_client([scope]))
    except Failure:
        raise
    except Exception as error:
        raise wire.failure_of(error, sent=False) from None
    finally:
        session.close()
    if "access_token" not in answer:
        raise _refused(answer)
    token = _token(answer)
    if on_step:
        on_step("token", f"valid until {token.expires_at:%H:%M} UTC")
    return token


def _client(app: AppIdentity, session: wire.Session, deadline: float) -> Any:
    """msal's application; its constructor asks for the tenant's discovery document."""
    authority = f"{app.cloud.authority}/{app.directory_id}"
    if isinstance(app.credential, ClientSecret):
        credential: Any = app.credential.value
    else:
        credential = {
            "private_key": app.credential.private_key,
            "public_certificate": app.credential.public_certificate,
        }
        if app.credential.passphrase:
            credential["passphrase"] = app.credential.passphrase

    def make() -> Any:
        return msal.ConfidentialClientApplication(
            app.client_id,
            client_credential=credential,
            authority=authority,
            # Else msal asks Microsoft's global cloud about an authority it does not know.
            instance_discovery=False,
            http_client=session,
            token_cache=msal.TokenCache(),
        )

    try:
        return wire.within(deadline - monotonic(), make)
    except ValueError as error:
        # msal wraps the discovery's answer into a sentence; what Entra said is asked for once more, as JSON.
        raise _unknown_tenant(session, authority, str(error)) from None


def _unknown_tenant(session: wire.Session, authority: str, said: str) -> Failure:
    try:
        answer = session.get(f"{authority}/v2.0/.well-known/openid-configuration")
    except requests.RequestException as error:
        return wire.failure_of(error, sent=False)
    if answer.ok:
        cause = diagnosis.from_text(said) or "other"
        return Failure(cause, wire.one_line(said))
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.text, door="token")
    try:
        described = str(answer.json().get("error_description") or said)
    except (ValueError, AttributeError):
        described = f"HTTP {answer.status_code} from {urlsplit(authority).hostname}"
    wait = wire.retry_after(answer.headers.get("Retry-After"))
    return Failure(cause, wire.one_line(described), retry=cause in wire.LATER, retry_after=wait)


def _refused(answer: dict[str, Any]) -> Failure:
    cause = diagnosis.from_token_error(answer)
    ids = {name: str(answer[name]) for name in ("correlation_id", "trace_id") if answer.get(name)}
    described = str(answer.get("error_description") or answer.get("error") or "no token and no error")
    return Failure(cause, wire.one_line(described), retry=cause in wire.LATER, request_ids=ids)


def _token(answer: dict[str, Any]) -> Token:
    value = str(answer["access_token"])
    claims = _claims(value)
    return Token(
        value,
        datetime.now(UTC) + timedelta(seconds=int(answer.get("expires_in") or 0)),
        roles=tuple(str(role) for role in claims.get("roles") or ()),
        audience=str(claims.get("aud") or ""),
        tenant_id=str(claims.get("tid") or ""),
        app_id=str(claims.get("appid") or claims.get("azp") or ""),
    )


def _claims(token: str) -> dict[str, Any]:
    """What the token says; nothing where it is none that we can read."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


class TokenSource:
    """Tokens for sending, kept in memory until shortly before they end; the least used goes first.

    Kept by credential too, so that a replaced secret never sends with the token of the old one.
    """

    MARGIN = timedelta(minutes=5)

    def __init__(self, max_entries: int = 2000) -> None:
        self.max_entries = max_entries
        self._tokens: OrderedDict[str, Token] = OrderedDict()
        self._fetching: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def token(self, app: AppIdentity, scope: str, on_step: OnStep | None = None) -> Token:
        """Raises Failure. Of several threads that need the same token, one fetches it."""
        key = _key(app, scope)
        with self._lock:
            fetching = self._fetching.setdefault(key, threading.Lock())
        with fetching:
            token = self._kept(key)
            if token is None:
                token = acquire(app, scope, on_step=on_step)
                self._keep(key, token)
            elif on_step:
                on_step("tenant", app.cloud.authority)
                on_step("token", f"kept, valid until {token.expires_at:%H:%M} UTC")
        return token

    def forget(self, app: AppIdentity, scope: str) -> None:
        with self._lock:
            self._tokens.pop(_key(app, scope), None)

    def _kept(self, key: str) -> Token | None:
        with self._lock:
            token = self._tokens.get(key)
            if token is None or token.expires_at - self.MARGIN <= datetime.now(UTC):
                return None
            self._tokens.move_to_end(key)
            return token

    def _keep(self, key: str, token: Token) -> None:
        with self._lock:
            self._tokens[key] = token
            while len(self._tokens) > self.max_entries:
                oldest, _token = self._tokens.popitem(last=False)
                self._fetching.pop(oldest, None)


def _key(app: AppIdentity, scope: str) -> str:
    credential = app.credential
    proof = credential.value if isinstance(credential, ClientSecret) else credential.private_key
    parts = (app.cloud.authority, app.directory_id, app.client_id, scope, proof)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
