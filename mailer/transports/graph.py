"""Microsoft Graph: `POST /users/{address}/sendMail`, the message as MIME or as JSON.

Source: Microsoft Graph v1.0, "user: sendMail" (202 Accepted with an empty body; MIME as base64 in text/plain).
"""

from __future__ import annotations

import base64
import threading
import uuid
from typing import Any, Literal
from urllib.parse import quote

import requests

from mailer import diagnosis, wire
from mailer.failure import Failure, Outcome
from mailer.identity import AppIdentity, OnStep, TokenSource
from mailer.message import Message
from mailer.transports import Receipt, Sender
from mailer.transports.permission import token_for

LARGEST = 4_000_000
"""Bytes of a request's body; more needs an upload session. Source: Graph, "Limitations of sendMail"."""
PERMISSION = "Mail.Send"
MAYBE_ACCEPTED = frozenset({502, 504})
"""A gateway gave up waiting for Exchange, which may have taken the message."""


class GraphTransport:
    """One pooled session for each thread and cloud."""

    def __init__(self, tokens: TokenSource, *, body: Literal["mime", "json"] = "mime", timeout: float = 30) -> None:
        self.tokens = tokens
        self.body = body
        self.timeout = timeout
        self._local = threading.local()

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        app = sender.app
        if app is None:
            raise Failure("basic_auth_retired", "Microsoft Graph takes tokens alone: the mailbox needs an app.")
        data, headers = self._payload(message, sender.address)
        if len(data) > LARGEST:
            raise Failure("message_too_large", f"The message has {len(data)} bytes; Graph takes {LARGEST}.")
        try:
            return self._post(message, sender, app, data, headers, on_step)
        except Failure as failure:
            if failure.cause != "token_rejected" or failure.outcome != Outcome.NOT_SENT:
                raise
        # Refused for its token, which may have been revoked since it was kept: once more with a fresh one.
        self.tokens.forget(app, app.cloud.graph_scope)
        return self._post(message, sender, app, data, headers, None)

    def _payload(self, message: Message, address: str) -> tuple[bytes, dict[str, str]]:
        if self.body == "mime":
            return base64.b64encode(message.as_bytes(address)), {"Content-Type": "text/plain"}
        import json

        return json.dumps(as_json(message)).encode(), {"Content-Type": "application/json"}

    def _post(
        self,
        message: Message,
        sender: Sender,
        app: AppIdentity,
        data: bytes,
        headers: dict[str, str],
        on_step: OnStep | None,
    ) -> Receipt:
        token = token_for(self.tokens, app, app.cloud.graph_scope, PERMISSION, on_step)
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
            )
        except requests.RequestException as error:
            failure = wire.failure_of(error, sent=True)
            failure.request_ids = ids
            raise failure from None
        if request_id := answer.headers.get("request-id"):
            ids["request-id"] = request_id
        if 200 <= answer.status_code < 300:
            return Receipt(message.message_id, f"HTTP {answer.status_code}", ids)
        raise _refused(answer, token.roles, ids)

    def _session(self, ca_file: str | None) -> wire.Session:
        sessions: dict[str | None, wire.Session] = self._local.__dict__.setdefault("sessions", {})
        if ca_file not in sessions:
            sessions[ca_file] = wire.Session(ca_file, timeout=self.timeout)
        return sessions[ca_file]


def _refused(answer: requests.Response, roles: tuple[str, ...], ids: dict[str, str]) -> Failure:
    cause = diagnosis.from_http(answer.status_code, answer.headers, answer.content, door="graph", roles=roles)
    try:
        error = answer.json()["error"]
        said = f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        said = answer.reason or ""
    return Failure(
        cause,
        wire.one_line(f"HTTP {answer.status_code} {said}"),
        Outcome.UNKNOWN if answer.status_code in MAYBE_ACCEPTED else Outcome.NOT_SENT,
        retry=cause in wire.LATER,
        retry_after=wire.retry_after(answer.headers.get("Retry-After")),
        request_ids=ids,
    )


def as_json(message: Message) -> dict[str, Any]:
    """The message as Graph's JSON has it: one body, HTML if there is one. Graph takes only X- headers of our own."""
    resource: dict[str, Any] = {
        "subject": message.subject,
        "body": {"contentType": "HTML", "content": message.html}
        if message.html is not None
        else {"contentType": "Text", "content": message.text},
        "internetMessageId": message.message_id,
        "toRecipients": _recipients(message.to),
        "ccRecipients": _recipients(message.cc),
        "replyTo": _recipients(message.reply_to),
        "attachments": [
            {
                "@odata.type": "#microsoft.graph.fileAttachment",
                "name": attachment.name,
                "contentType": attachment.content_type,
                "contentBytes": base64.b64encode(attachment.content).decode("ascii"),
            }
            for attachment in message.attachments
        ],
    }
    own = [{"name": name, "value": value} for name, value in message.headers.items() if name.lower().startswith("x-")]
    if own:
        resource["internetMessageHeaders"] = own
    return {"message": resource, "saveToSentItems": True}


def _recipients(addresses: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": address}} for address in addresses]
