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

from mailer import diagnosis
from mailer.access_token import Token
from mailer.app_identity import Identity
from mailer.errors import DOUBTFUL, Acceptance, Answer, SendError
from mailer.http import http_session, wire_errors
from mailer.http.http_session import Session

NO_WORDS = frozenset({"UnknownError", "ErrorInternalServerError", "InternalServerError", "generalException"})
"""Codes by which Graph says only that something failed behind it: UnknownError stands around a bare 503 or 504 too
(microsoft-graph-docs 5288), and mail was delivered after it and after ErrorInternalServerError
(learn.microsoft.com/answers 5629476)."""


@dataclass(frozen=True)
class Success:
    """The one answer that Graph documents for an operation that went well."""

    status: int
    has_object: bool
    """Whether the body is a JSON object; else there is none."""


ACCEPTED = Success(202, has_object=False)
CREATED = Success(201, has_object=True)
FOUND = Success(200, has_object=True)
DELETED = Success(204, has_object=False)


@dataclass(frozen=True)
class Reply:
    """A success. `content` is its JSON, empty if it has none; `ids` are those that Microsoft's support asks for."""

    status: int
    content: Mapping[str, Any]
    ids: dict[str, str]


class ItemNotFound(SendError):
    """The mailbox is there, the message that was named is not."""


class GraphClient:
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
        success: Success,
        *,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """`path` goes on after the mailbox's. Raises SendError for all but `success`."""
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
                failure = wire_errors.failure_of(error, sent=True)
                failure.request_ids = ids
                raise failure from None
            answer = error.response  # a refusal needs no body
        if request_id := answer.headers.get("request-id"):
            ids["request-id"] = wire_errors.sanitize(request_id, 100)
        content = _content(answer)
        if wrong := _wrong(answer, content, success, ids["client-request-id"]):
            raise _foreign(answer, wrong, ids)
        if answer.status_code == success.status:
            return Reply(answer.status_code, content or {}, ids)
        raise _refused(answer, token.known_roles, ids)

    def _session(self, ca_file: str | None) -> Session:
        with self._lock:
            if ca_file not in self._sessions:
                self._sessions[ca_file] = Session(ca_file, timeout=self._timeout)
            return self._sessions[ca_file]


def _content(answer: requests.Response) -> Mapping[str, Any] | None:
    """The JSON object of an answer; None where it is none."""
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _wrong(answer: requests.Response, content: Mapping[str, Any] | None, success: Success, our_id: str) -> str:
    """What makes it an answer that Graph does not give to this request; empty if nothing does.

    A proxy or a network's sign-in page answers 200 with a page; Microsoft's 202 has no body. Graph repeats our request
    id: another one belongs to another request, as on a connection whose answers are out of step.
    """
    if answer.headers.get("client-request-id", our_id).strip().lower() != our_id:
        return "it answers another request"
    if answer.status_code >= 400:
        return ""
    if flaw := http_session.flaw_of(answer):
        return flaw
    if answer.status_code != success.status:
        return f"Graph answers {success.status}"
    if success.has_object and content is None:
        return "its body is no JSON object"
    if not success.has_object and answer.content:
        return f"it has a body of {len(answer.content)} bytes, where Graph's is empty"
    return ""


def _foreign(answer: requests.Response, wrong: str, ids: dict[str, str]) -> SendError:
    return SendError(
        "network",
        wire_errors.sanitize(f"HTTP {answer.status_code} {answer.reason or ''}: {wrong}"),
        Acceptance.UNKNOWN,
        retry=True,
        request_ids=ids,
        answer=Answer.FOREIGN,
    )


def _refused(answer: requests.Response, roles: tuple[str, ...] | None, ids: dict[str, str]) -> SendError:
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.content, door="graph", roles=roles)
    said = _said(answer)
    wait = wire_errors.retry_after(answer.headers.get("Retry-After"))
    own_words = bool(said) and said.partition(":")[0] not in NO_WORDS
    judged = wire_errors.answer_to(answer.status_code, own_words=own_words, wait=wait)
    kind = ItemNotFound if answer.status_code == 404 and said.startswith("ErrorItemNotFound") else SendError
    return kind(
        cause,
        wire_errors.sanitize(f"HTTP {answer.status_code} {said or answer.reason or ''}"),
        Acceptance.UNKNOWN if judged in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in wire_errors.LATER or judged in DOUBTFUL,
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
