"""Requests to Microsoft Graph for a mailbox, with all errors converted to SendError.

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
from mailer.app_identity import Identity
from mailer.errors import DOUBTFUL, Acceptance, Answer, SendError
from mailer.http import http_session, wire_errors
from mailer.http.http_session import Session
from mailer.token_client import Token

VAGUE_CODES = frozenset({"UnknownError", "ErrorInternalServerError", "InternalServerError", "generalException"})
"""Codes by which Graph says only that a backend failed: UnknownError also wraps a bare 503 or 504 (microsoft-graph-docs
5288), and mail was delivered after it and after ErrorInternalServerError (learn.microsoft.com/answers 5629476)."""


@dataclass(frozen=True)
class Success:
    """The only successful response that Graph documents for an operation."""

    status: int
    has_object: bool
    """Whether the body is a JSON object; otherwise it is empty."""


ACCEPTED = Success(202, has_object=False)
CREATED = Success(201, has_object=True)
FOUND = Success(200, has_object=True)
DELETED = Success(204, has_object=False)


@dataclass(frozen=True)
class Reply:
    """A successful response. `content`: its JSON object, or empty; `ids`: the request ids for Microsoft's support."""

    status: int
    content: Mapping[str, Any]
    ids: dict[str, str]


class ItemNotFound(SendError):
    """The mailbox exists, the message does not."""


class GraphClient:
    """Has one session for each set of authorities; threads share the connections."""

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
        """Send one request; `path` is relative to the mailbox. Raises SendError for any response other than
        `success`."""
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
                failure = wire_errors.to_send_error(error, sent=True)
                failure.request_ids = ids
                raise failure from None
            answer = error.response  # the status is enough for a refusal
        if request_id := answer.headers.get("request-id"):
            ids["request-id"] = wire_errors.sanitize(request_id, 100)
        content = _content(answer)
        if wrong := _mismatch(answer, content, success, ids["client-request-id"]):
            raise _foreign_error(answer, wrong, ids)
        if answer.status_code == success.status:
            return Reply(answer.status_code, content or {}, ids)
        raise _refusal(answer, token.known_roles, ids)

    def _session(self, ca_file: str | None) -> Session:
        with self._lock:
            if ca_file not in self._sessions:
                self._sessions[ca_file] = Session(ca_file, timeout=self._timeout)
            return self._sessions[ca_file]


def _content(answer: requests.Response) -> Mapping[str, Any] | None:
    """The JSON object in a response; None if there is none."""
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _mismatch(answer: requests.Response, content: Mapping[str, Any] | None, success: Success, our_id: str) -> str:
    """Why the response cannot be Graph's to this request; empty if it can.

    A proxy or a captive portal answers 200 with a page; Graph's 202 has no body. Graph repeats our request id: another
    id belongs to another request, on a connection whose responses are out of step.
    """
    if answer.headers.get("client-request-id", our_id).strip().lower() != our_id:
        return "it answers another request"
    if answer.status_code >= 400:
        return ""
    if flaw := http_session.body_flaw(answer):
        return flaw
    if answer.status_code != success.status:
        return f"Graph answers {success.status}"
    if success.has_object and content is None:
        return "its body is no JSON object"
    if not success.has_object and answer.content:
        return f"it has a body of {len(answer.content)} bytes, where Graph's is empty"
    return ""


def _foreign_error(answer: requests.Response, wrong: str, ids: dict[str, str]) -> SendError:
    return SendError(
        "network",
        wire_errors.sanitize(f"HTTP {answer.status_code} {answer.reason or ''}: {wrong}"),
        Acceptance.UNKNOWN,
        retry=True,
        request_ids=ids,
        answer=Answer.FOREIGN,
    )


def _refusal(answer: requests.Response, roles: tuple[str, ...] | None, ids: dict[str, str]) -> SendError:
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.content, service="graph", roles=roles)
    said = _error_text(answer)
    wait = wire_errors.retry_after(answer.headers.get("Retry-After"))
    own_words = bool(said) and said.partition(":")[0] not in VAGUE_CODES
    judged = wire_errors.classify_status(answer.status_code, own_words=own_words, wait=wait)
    kind = ItemNotFound if answer.status_code == 404 and said.startswith("ErrorItemNotFound") else SendError
    return kind(
        cause,
        wire_errors.sanitize(f"HTTP {answer.status_code} {said or answer.reason or ''}"),
        Acceptance.UNKNOWN if judged in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in wire_errors.RETRYABLE_CAUSES or judged in DOUBTFUL,
        retry_after=wait,
        request_ids=ids,
        answer=judged,
    )


def _error_text(answer: requests.Response) -> str:
    """The text of `{"error": {"code", "message"}}` or of OAuth's form of an error; empty if it is not a JSON error."""
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    if isinstance(error, dict):
        return ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))
    described = answer.json().get("error_description")
    return ": ".join(str(part) for part in (error, described) if part)
