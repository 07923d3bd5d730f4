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

from mailer import diagnosis
from mailer.access_token import Token, read, read_delegated
from mailer.app_identity import AppIdentity, for_msal
from mailer.clouds import Cloud
from mailer.errors import DOUBTFUL, Answer, SendError
from mailer.http import wire_errors
from mailer.http.http_session import Session
from mailer.personal_account import AUTHORITY, PersonalAccount


def ask(app: AppIdentity, scope: str, session: Session, on_tenant: Callable[[], None]) -> Token:
    """A fresh msal application each time. Raises SendError, or what requests raises when the network fails."""
    credential = for_msal(app.credential)
    answers = _heard(session)
    client = _client(app.cloud, app.directory_id, app.client_id, session, answers, client_credential=credential)
    on_tenant()
    answer = _told(answers, lambda: client.acquire_token_for_client([scope]))
    if not answer.get("access_token"):
        raise refused(answer)
    return read(answer)


def refresh(person: PersonalAccount, scope: str, session: Session, on_tenant: Callable[[], None]) -> tuple[Token, str]:
    """A token, and the refresh token to keep from now on. Raises as `ask` does."""
    answers = _heard(session)
    client = _client(person.cloud, AUTHORITY, person.client_id, session, answers)
    on_tenant()
    answer = _told(answers, lambda: client.acquire_token_by_refresh_token(person.refresh_token, [scope]))
    if not answer.get("access_token"):
        raise refused(answer)
    return read_delegated(answer), str(answer.get("refresh_token") or person.refresh_token)


def begin_device_flow(cloud: Cloud, client_id: str, scope: str, session: Session) -> dict[str, Any]:
    """The answer of the device code endpoint, complete. Raises as `ask` does."""
    answers = _heard(session)
    client = _client(cloud, AUTHORITY, client_id, session, answers)
    flow = _told(answers, lambda: client.initiate_device_flow([scope]))
    if not flow.get("user_code") or not flow.get("device_code"):
        raise refused(flow)
    return flow


def ask_device_flow(cloud: Cloud, client_id: str, device_code: str, session: Session) -> dict[str, Any]:
    """What came of it, a refusal too: one question, without msal's waiting. Raises as `ask` does."""
    answers = _heard(session)
    client = _client(cloud, AUTHORITY, client_id, session, answers)
    flow = {"device_code": device_code}
    return _told(answers, lambda: client.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True))


def _heard(session: Session) -> list[requests.Response]:
    """All that comes by the session, for when msal cannot make sense of it."""
    answers: list[requests.Response] = []
    session.hooks["response"] = [lambda answer, **_: answers.append(answer)]
    return answers


def _told(answers: list[requests.Response], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return call()
    except requests.RequestException:
        raise
    except Exception as error:  # msal believes that an answer is JSON, and its numbers numbers
        raise _no_token(answers[-1], error) from None


def _client(
    cloud: Cloud, tenant: str, client_id: str, session: Session, answers: list[requests.Response], **credential: Any
) -> Any:
    """Public, unless there is a credential."""
    if not cloud.authority.startswith("https://"):
        raise SendError("tls", f'The authority {cloud.authority} must begin with "https://".')
    make = msal.ConfidentialClientApplication if credential else msal.PublicClientApplication
    try:
        return make(
            client_id,
            **credential,
            authority=f"{cloud.authority}/{quote(tenant, safe='')}",
            # Else msal asks Microsoft's global cloud about an authority that it does not know.
            instance_discovery=False,
            http_client=session,
            token_cache=msal.TokenCache(),
        )
    except requests.RequestException:
        raise
    except Exception as error:
        if not answers:
            raise SendError("other", wire_errors.sanitize(str(error))) from None
        raise _no_discovery(answers[-1]) from None


def _no_discovery(answer: requests.Response) -> SendError:
    """The tenant's discovery document did not come, or is not one."""
    if answer.status_code != 200:
        return refused_by_status(answer)
    document = object_of(answer)
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


def _no_token(answer: requests.Response, error: Exception) -> SendError:
    if answer.status_code != 200:
        return refused_by_status(answer)
    host = urlsplit(answer.url).hostname
    said = f"{host} answered the token request with something else ({type(error).__name__})."
    return SendError("network", said, retry=True, answer=Answer.FOREIGN)


def refused_by_status(answer: requests.Response) -> SendError:
    """Of an answer that is not 200."""
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.text, door="token")
    described = object_of(answer).get("error_description")
    said = str(described) if described else f"HTTP {answer.status_code} from {urlsplit(answer.url).hostname}"
    wait = wire_errors.retry_after(answer.headers.get("Retry-After"))
    judged = wire_errors.answer_to(answer.status_code, own_words=bool(described), wait=wait)
    if judged == Answer.FOREIGN:
        cause = "network"
    retry = cause in wire_errors.LATER or judged in DOUBTFUL
    return SendError(cause, wire_errors.sanitize(said), retry=retry, retry_after=wait, answer=judged)


def refused(answer: dict[str, Any]) -> SendError:
    cause = diagnosis.from_token_error(answer)
    ids = {
        name: wire_errors.sanitize(str(answer[name]), 100)
        for name in ("correlation_id", "trace_id")
        if answer.get(name)
    }
    said = str(answer.get("error_description") or answer.get("error") or "The token endpoint gave no token, no error.")
    judged = (
        Answer.FOREIGN if not answer.get("error") else Answer.BUSY if cause in wire_errors.LATER else Answer.REFUSED
    )
    return SendError(cause, wire_errors.sanitize(said), retry=judged != Answer.REFUSED, request_ids=ids, answer=judged)


def object_of(answer: requests.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        value = answer.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
