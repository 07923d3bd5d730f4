"""One request to Microsoft Graph on behalf of a mailbox: its answer, or a Failure.

Source: Microsoft Graph v1.0, "Microsoft Graph error responses and resource types".
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from mailer import diagnosis, wire
from mailer.access_token import Token
from mailer.failure import DOUBTFUL, Answer, Failure, Outcome
from mailer.https import Session
from mailer.registration import Identity

NO_WORDS = "UnknownError"
"""The code that Graph writes around what a server behind it said in no way that Graph knows, a bare 503 or 504 too
(microsoft-graph-docs 5288)."""


@dataclass(frozen=True)
class Reply:
    """A 2xx. `content` is its JSON, empty if it has none; `ids` are those that Microsoft's support asks for."""

    status: int
    content: Mapping[str, Any]
    ids: dict[str, str]


class ItemNotFound(Failure):
    """The mailbox is there, the message that was named is not."""


class GraphDoor:
    """One session for each set of authorities, its connections shared by all threads."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._sessions: dict[str | None, Session] = {}
        self._lock = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        app: Identity,
        address: str,
        token: Token,
        *,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """`path` goes on after the mailbox's. Raises Failure."""
        ids = {"client-request-id": str(uuid.uuid4())}
        try:
            answer = self._session(app.cloud.ca_file).request(
                method,
                f"{app.cloud.graph}/v1.0/{app.mail_path(address)}/{path}",
                params=params,
                data=data,
                headers={
                    **(headers or {}),
                    **ids,
                    "Authorization": f"Bearer {token.value}",
                    "return-client-request-id": "true",
                },
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            if error.response is None:
                failure = wire.failure_of(error, sent=True)
                failure.request_ids = ids
                raise failure from None
            answer = error.response  # the status came, which is all we need; its body did not
        if request_id := answer.headers.get("request-id"):
            ids["request-id"] = wire.one_line(request_id, 100)
        if 200 <= answer.status_code < 300:
            return Reply(answer.status_code, _content(answer), ids)
        raise _refused(answer, token.known_roles, ids)

    def _session(self, ca_file: str | None) -> Session:
        with self._lock:
            if ca_file not in self._sessions:
                self._sessions[ca_file] = Session(ca_file, timeout=self._timeout)
            return self._sessions[ca_file]


def _content(answer: requests.Response) -> Mapping[str, Any]:
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _refused(answer: requests.Response, roles: tuple[str, ...] | None, ids: dict[str, str]) -> Failure:
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.content, door="graph", roles=roles)
    said = _said(answer)
    wait = wire.retry_after(answer.headers.get("Retry-After"))
    own_words = bool(said) and not said.startswith(NO_WORDS)
    judged = wire.answer_to(answer.status_code, own_words=own_words, wait=wait)
    if judged == Answer.FOREIGN:
        cause = "network"
    kind = ItemNotFound if answer.status_code == 404 and said.startswith("ErrorItemNotFound") else Failure
    return kind(
        cause,
        wire.one_line(f"HTTP {answer.status_code} {said or answer.reason or ''}"),
        Outcome.UNKNOWN if judged in DOUBTFUL else Outcome.NOT_SENT,
        retry=cause in wire.LATER or judged in DOUBTFUL,
        retry_after=wait,
        request_ids=ids,
        answer=judged,
    )


def _said(answer: requests.Response) -> str:
    """`{"error": {"code", "message"}}`, or what other servers make of it; empty if it is no JSON error."""
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    if isinstance(error, dict):
        return ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))
    described = answer.json().get("error_description")
    return ": ".join(str(part) for part in (error, described) if part)
