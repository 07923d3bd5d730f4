"""One question to a token endpoint, through msal, and every way in which it can be refused.

Source: OpenID Connect Discovery, RFC 6749; msal 1.39, whose constructor already asks for the discovery document, whose
errors are dicts, ValueErrors or requests' exceptions, and whose texts may repeat what the server said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import msal
import requests

from mailer import diagnosis, wire
from mailer.access_token import Token, read
from mailer.failure import Failure
from mailer.https import Session
from mailer.registration import AppIdentity, for_msal


def ask(app: AppIdentity, scope: str, session: Session, on_tenant: Callable[[], None]) -> Token:
    """A fresh msal application each time. Raises Failure, or what requests raises when the network fails."""
    credential = for_msal(app.credential)
    answers: list[requests.Response] = []
    session.hooks["response"] = [lambda answer, **_: answers.append(answer)]
    client = _client(app, credential, session, answers)
    on_tenant()
    try:
        answer: dict[str, Any] = client.acquire_token_for_client([scope])
    except requests.RequestException:
        raise
    except Exception as error:  # msal believes that an answer is JSON, and its numbers numbers
        raise _no_token(answers[-1], error) from None
    if not answer.get("access_token"):
        raise _refused(answer)
    return read(answer)


def _client(app: AppIdentity, credential: Any, session: Session, answers: list[requests.Response]) -> Any:
    if not app.cloud.authority.startswith("https://"):
        raise Failure("tls", f'The authority {app.cloud.authority} must begin with "https://".')
    try:
        return msal.ConfidentialClientApplication(
            app.client_id,
            client_credential=credential,
            authority=f"{app.cloud.authority}/{quote(app.directory_id, safe='')}",
            # Else msal asks Microsoft's global cloud about an authority that it does not know.
            instance_discovery=False,
            http_client=session,
            token_cache=msal.TokenCache(),
        )
    except requests.RequestException:
        raise
    except Exception as error:
        if not answers:
            raise Failure("other", wire.one_line(str(error))) from None
        raise _no_discovery(answers[-1]) from None


def _no_discovery(answer: requests.Response) -> Failure:
    """The tenant's discovery document did not come, or is not one."""
    if answer.status_code != 200:
        return _refused_by_status(answer)
    document = _object(answer)
    endpoint = str(document.get("token_endpoint") or "")
    if not document:
        what = "is no JSON"
    elif not endpoint.startswith("https://"):
        what = 'has no token_endpoint that begins with "https://"'
    else:
        what = "lacks authorization_endpoint, without which msal does not begin"
    return Failure("other", f"The discovery document of {urlsplit(answer.url).hostname} {what}.")


def _no_token(answer: requests.Response, error: Exception) -> Failure:
    if answer.status_code != 200:
        return _refused_by_status(answer)
    host = urlsplit(answer.url).hostname
    return Failure("other", f"{host} answered the token request with something else ({type(error).__name__}).")


def _refused_by_status(answer: requests.Response) -> Failure:
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.text, door="token")
    described = _object(answer).get("error_description")
    said = str(described) if described else f"HTTP {answer.status_code} from {urlsplit(answer.url).hostname}"
    wait = wire.retry_after(answer.headers.get("Retry-After"))
    return Failure(cause, wire.one_line(said), retry=cause in wire.LATER, retry_after=wait)


def _refused(answer: dict[str, Any]) -> Failure:
    cause = diagnosis.from_token_error(answer)
    ids = {name: wire.one_line(str(answer[name]), 100) for name in ("correlation_id", "trace_id") if answer.get(name)}
    said = str(answer.get("error_description") or answer.get("error") or "The token endpoint gave no token, no error.")
    return Failure(cause, wire.one_line(said), retry=cause in wire.LATER, request_ids=ids)


def _object(answer: requests.Response) -> dict[str, Any]:
    try:
        value = answer.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
