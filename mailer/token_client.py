"""Requests to a token endpoint through msal, and the tokens in its answers; all errors are converted to SendError.

Source: OpenID Connect Discovery, RFC 6749; msal 1.39. Its constructor already requests the discovery document, its
errors are dicts, ValueErrors or requests' exceptions, and their messages may repeat the server's text.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import msal
import requests

from mailer import diagnosis
from mailer.app_identity import AppIdentity, msal_credential
from mailer.clouds import Cloud
from mailer.errors import DOUBTFUL, Answer, SendError
from mailer.http import wire_errors
from mailer.http.http_session import Session
from mailer.personal_account import AUTHORITY, PersonalAccount

MAX_LIFETIME = 86_400.0
"""Seconds: a longer lifetime in an answer is reduced to this."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and its claims. They are not validated, since the token is for another audience."""

    value: str = field(repr=False)
    expires_at: datetime = field()
    roles: tuple[str, ...] = ()
    """The granted permissions: an app's roles, or the scopes that a user consented to."""
    audience: str = ""
    tenant_id: str = ""
    app_id: str = ""
    readable: bool = True
    """False if it is not a JWT: then its roles are unknown, and `roles` is empty."""

    @property
    def known_roles(self) -> tuple[str, ...] | None:
        return self.roles if self.readable else None


def request_token(app: AppIdentity, scope: str, session: Session, on_tenant: Callable[[], None]) -> Token:
    """Request a token with a new msal application. Raises SendError, or requests' exceptions on network errors."""
    credential = msal_credential(app.credential)
    answers = _record_responses(session)
    client = _client(app.cloud, app.directory_id, app.client_id, session, answers, client_credential=credential)
    on_tenant()
    answer = _call_msal(answers, lambda: client.acquire_token_for_client([scope]))
    if not answer.get("access_token"):
        raise token_error(answer)
    return read_token(answer)


def refresh(person: PersonalAccount, scope: str, session: Session, on_tenant: Callable[[], None]) -> tuple[Token, str]:
    """Use the refresh token: returns an access token and the new refresh token. Raises like `request_token`."""
    answers = _record_responses(session)
    client = _client(person.cloud, AUTHORITY, person.client_id, session, answers)
    on_tenant()
    answer = _call_msal(answers, lambda: client.acquire_token_by_refresh_token(person.refresh_token, [scope]))
    if not answer.get("access_token"):
        raise token_error(answer)
    return read_delegated_token(answer), str(answer.get("refresh_token") or person.refresh_token)


def start_device_flow(cloud: Cloud, client_id: str, scope: str, session: Session) -> dict[str, Any]:
    """The answer of the device code endpoint. Raises like `request_token`."""
    answers = _record_responses(session)
    client = _client(cloud, AUTHORITY, client_id, session, answers)
    flow = _call_msal(answers, lambda: client.initiate_device_flow([scope]))
    if not flow.get("user_code") or not flow.get("device_code"):
        raise token_error(flow)
    return flow


def poll_device_flow(cloud: Cloud, client_id: str, device_code: str, session: Session) -> dict[str, Any]:
    """Poll once, without msal's loop; returns the answer, also an error. Raises like `request_token`."""
    answers = _record_responses(session)
    client = _client(cloud, AUTHORITY, client_id, session, answers)
    flow = {"device_code": device_code}
    return _call_msal(answers, lambda: client.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True))


def _record_responses(session: Session) -> list[requests.Response]:
    """Collect the session's responses, to report those that msal fails on."""
    answers: list[requests.Response] = []
    session.hooks["response"] = [lambda answer, **_: answers.append(answer)]
    return answers


def _call_msal(answers: list[requests.Response], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return call()
    except requests.RequestException:
        raise
    except Exception as error:  # msal does not check that an answer is JSON with valid numbers
        raise _response_error(answers[-1], error) from None


def _client(
    cloud: Cloud, tenant: str, client_id: str, session: Session, answers: list[requests.Response], **credential: Any
) -> Any:
    """An msal application: confidential with a credential, otherwise public. Raises SendError."""
    if not cloud.authority.startswith("https://"):
        raise SendError("tls", f'The authority {cloud.authority} must begin with "https://".')
    make = msal.ConfidentialClientApplication if credential else msal.PublicClientApplication
    try:
        return make(
            client_id,
            **credential,
            authority=f"{cloud.authority}/{quote(tenant, safe='')}",
            # Otherwise msal asks Microsoft's global cloud about unknown authorities.
            instance_discovery=False,
            http_client=session,
            token_cache=msal.TokenCache(),
        )
    except requests.RequestException:
        raise
    except Exception as error:
        if not answers:
            raise SendError("other", wire_errors.sanitize(str(error))) from None
        raise _discovery_error(answers[-1]) from None


def _discovery_error(answer: requests.Response) -> SendError:
    """The error for a missing or invalid discovery document."""
    if answer.status_code != 200:
        return status_error(answer)
    document = json_object(answer)
    host = urlsplit(answer.url).hostname
    if not document:
        said = f"The discovery document of {host} is no JSON."
        return SendError("network", said, retry=True, answer=Answer.FOREIGN)
    endpoint = str(document.get("token_endpoint") or "")
    if not endpoint.startswith("https://"):
        what = 'has no token_endpoint that begins with "https://"'
    else:
        what = "lacks authorization_endpoint, without which msal does not begin"
    return SendError("other", f"The discovery document of {host} {what}.", retry=True, answer=Answer.FOREIGN)


def _response_error(answer: requests.Response, error: Exception) -> SendError:
    if answer.status_code != 200:
        return status_error(answer)
    host = urlsplit(answer.url).hostname
    said = f"{host} answered the token request with something else ({type(error).__name__})."
    return SendError("network", said, retry=True, answer=Answer.FOREIGN)


def status_error(answer: requests.Response) -> SendError:
    """The error for an answer with another status than 200."""
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.text, service="token")
    described = json_object(answer).get("error_description")
    said = str(described) if described else f"HTTP {answer.status_code} from {urlsplit(answer.url).hostname}"
    wait = wire_errors.retry_after(answer.headers.get("Retry-After"))
    judged = wire_errors.classify_status(answer.status_code, own_words=bool(described), wait=wait)
    if judged == Answer.FOREIGN:
        cause = "network"
    retry = cause in wire_errors.RETRYABLE_CAUSES or judged in DOUBTFUL
    return SendError(cause, wire_errors.sanitize(said), retry=retry, retry_after=wait, answer=judged)


def token_error(answer: dict[str, Any]) -> SendError:
    cause = diagnosis.from_token_error(answer)
    ids = {
        name: wire_errors.sanitize(str(answer[name]), 100)
        for name in ("correlation_id", "trace_id")
        if answer.get(name)
    }
    said = str(answer.get("error_description") or answer.get("error") or "The token endpoint gave no token, no error.")
    judged = (
        Answer.FOREIGN
        if not answer.get("error")
        else Answer.BUSY
        if cause in wire_errors.RETRYABLE_CAUSES
        else Answer.REFUSED
    )
    return SendError(cause, wire_errors.sanitize(said), retry=judged != Answer.REFUSED, request_ids=ids, answer=judged)


def json_object(answer: requests.Response) -> dict[str, Any]:
    """The JSON object in an answer; empty if there is none."""
    try:
        value = answer.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_token(answer: Mapping[str, Any]) -> Token:
    """The token in an answer of the token endpoint."""
    value = str(answer["access_token"])
    claims = _claims(value)
    said = claims or {}
    return Token(
        value,
        datetime.now(UTC) + _lifetime(answer.get("expires_in")),
        roles=_roles(said.get("roles")),
        audience=str(said.get("aud") or ""),
        tenant_id=str(said.get("tid") or ""),
        app_id=str(said.get("appid") or said.get("azp") or ""),
        readable=claims is not None,
    )


def read_delegated_token(answer: Mapping[str, Any]) -> Token:
    """A token for a signed-in user. It is opaque for personal accounts, so the scopes are read from the answer."""
    granted = tuple(scope.rpartition("/")[2] for scope in str(answer.get("scope") or "").split())
    return Token(str(answer["access_token"]), datetime.now(UTC) + _lifetime(answer.get("expires_in")), roles=granted)


def _roles(claim: object) -> tuple[str, ...]:
    if isinstance(claim, str):
        return tuple(claim.split())
    return tuple(str(role) for role in claim) if isinstance(claim, list) else ()


def _lifetime(expires_in: object) -> timedelta:
    """The lifetime. Some servers send the seconds as text. Invalid values count as 0, so the token is not cached."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        seconds = 0.0
    return timedelta(seconds=min(max(seconds, 0.0), MAX_LIFETIME) if math.isfinite(seconds) else 0.0)


def _claims(token: str) -> dict[str, Any] | None:
    """The claims of a JWT; None if the token cannot be parsed."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None
