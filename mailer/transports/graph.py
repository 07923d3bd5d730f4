"""Microsoft Graph: `POST /users/{address}/sendMail`, the message as MIME or as JSON.

Source: Microsoft Graph v1.0, "user: sendMail" (202 Accepted with an empty body; MIME as base64 in text/plain).
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from typing import Any, Literal
from urllib.parse import quote

import requests

from mailer import diagnosis, sockets, wire
from mailer.failure import Failure, Outcome
from mailer.https import Session
from mailer.identity import AppIdentity, OnStep, Token, TokenSource
from mailer.message import Message, address_of, body_text, content_type, header_text
from mailer.transports import LONGEST, Receipt, Sender
from mailer.transports.permission import with_token
from mailer.transports.writing import writing

LARGEST = 4_000_000
"""Bytes of a request's body; more needs an upload session. Source: Graph, "Limitations of sendMail"."""
PERMISSION = "Mail.Send"
MAYBE_ACCEPTED = frozenset({502, 504})
"""A gateway gave up waiting for Exchange, which may have taken the message."""


class GraphTransport:
    """One session for each set of authorities, its connections shared by all threads."""

    def __init__(
        self, tokens: TokenSource, *, body: Literal["mime", "json"] = "mime", timeout: float = LONGEST
    ) -> None:
        self.tokens = tokens
        self.body = body
        self.timeout = timeout
        self._sessions: dict[str | None, Session] = {}
        self._lock = threading.Lock()

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        app = sender.app
        if app is None:
            raise Failure("basic_auth_retired", "Microsoft Graph takes tokens alone: the mailbox needs an app.")
        data, headers = self._payload(message, sender.address)
        if len(data) > LARGEST:
            raise Failure("message_too_large", f"The message has {len(data)} bytes; Graph takes {LARGEST}.")
        with sockets.deadline(self.timeout):
            return with_token(
                self.tokens,
                app,
                app.cloud.graph_scope,
                PERMISSION,
                on_step,
                lambda token: self._post(message, sender, app, data, headers, token),
            )

    def _payload(self, message: Message, address: str) -> tuple[bytes, dict[str, str]]:
        with writing():
            if self.body == "mime":
                return base64.b64encode(message.as_bytes(address)), {"Content-Type": "text/plain"}
            return json.dumps(as_json(message)).encode(), {"Content-Type": "application/json"}

    def _post(
        self, message: Message, sender: Sender, app: AppIdentity, data: bytes, headers: dict[str, str], token: Token
    ) -> Receipt:
        ids = {"client-request-id": str(uuid.uuid4())}
        try:
            answer = self._session(app.cloud.ca_file).post(
                f"{app.cloud.graph}/v1.0/users/{quote(sender.address, safe='@')}/sendMail",
                data=data,
                headers={
                    **headers,
                    **ids,
                    "Authorization": f"Bearer {token.value}",
                    "return-client-request-id": "true",
                },
                timeout=self.timeout,
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
            return Receipt(message.message_id, f"HTTP {answer.status_code}", ids)
        raise _refused(answer, token.known_roles, ids)

    def _session(self, ca_file: str | None) -> Session:
        with self._lock:
            if ca_file not in self._sessions:
                self._sessions[ca_file] = Session(ca_file, timeout=self.timeout)
            return self._sessions[ca_file]


def _refused(answer: requests.Response, roles: tuple[str, ...] | None, ids: dict[str, str]) -> Failure:
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.content, door="graph", roles=roles)
    said = _said(answer)
    # An error in Graph's own words is a refusal. A bare 500 may come from anything on the way.
    doubtful = answer.status_code in MAYBE_ACCEPTED or (answer.status_code == 500 and not said)
    return Failure(
        cause,
        wire.one_line(f"HTTP {answer.status_code} {said or answer.reason or ''}"),
        Outcome.UNKNOWN if doubtful else Outcome.NOT_SENT,
        retry=cause in wire.LATER,
        retry_after=wire.retry_after(answer.headers.get("Retry-After")),
        request_ids=ids,
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


def as_json(message: Message) -> dict[str, Any]:
    """The message as Graph's JSON has it: one body, HTML if there is one. Graph takes only X- headers of our own.
    Raises BadMessage."""
    resource: dict[str, Any] = {
        "subject": header_text(message.subject),
        "body": {"contentType": "HTML", "content": body_text(message.html)}
        if message.html is not None
        else {"contentType": "Text", "content": body_text(message.text)},
        "internetMessageId": message.message_id,
        "toRecipients": _recipients(message.to),
        "ccRecipients": _recipients(message.cc),
        "replyTo": _recipients(message.reply_to),
        "attachments": [
            {
                "@odata.type": "#microsoft.graph.fileAttachment",
                "name": header_text(attachment.name),
                "contentType": content_type(attachment),
                "contentBytes": base64.b64encode(attachment.content).decode("ascii"),
            }
            for attachment in message.attachments
        ],
    }
    own = [{"name": name, "value": value} for name, value in message.own_headers() if name.lower().startswith("x-")]
    if own:
        resource["internetMessageHeaders"] = own
    return {"message": resource, "saveToSentItems": True}


def _recipients(addresses: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": address_of(address)}} for address in addresses]
