"""Microsoft Graph: `POST /users/{address}/sendMail` (`/me` for a signed-in user) with the message as MIME or JSON. If
the app may create drafts: a draft that is created, then sent, and can be looked up after a missing answer.

Source: Microsoft Graph v1.0, "user: sendMail" (202 Accepted with an empty body; MIME as base64 in text/plain), "Create
message", "message: send", "Obtain immutable identifiers for Outlook resources".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Literal, TypeVar
from urllib.parse import quote

from mailer.app_identity import Identity
from mailer.errors import Acceptance, Answer, SendError
from mailer.http import deadline_sockets
from mailer.message import Message, address_of, converting_message_errors
from mailer.tokens import OnStep, Token, TokenSource
from mailer.transports import MAX_SEND_SECONDS, OnDraft, Receipt, Sender
from mailer.transports.graph_client import ACCEPTED, CREATED, DELETED, FOUND, GraphClient, ItemNotFound, Reply, Success
from mailer.transports.graph_json import as_json

MAX_REQUEST_BYTES = 4_000_000
"""In a request's body; more needs an upload session. Source: Graph, "Limitations of sendMail"."""
PERMISSION = "Mail.Send"
DRAFTS_PERMISSION = "Mail.ReadWrite"
"""Optional. Drafts are used only if the token has it; it is missing for an app that Exchange scopes by RBAC."""
IMMUTABLE_IDS = {"Prefer": 'IdType="ImmutableId"'}
"""The default id of a message changes when it is moved, and sending moves a draft."""
Result = TypeVar("Result")


class GraphTransport:
    """Sends by Microsoft Graph. `body`: the format of the message."""

    def __init__(
        self, tokens: TokenSource, *, body: Literal["mime", "json"] = "mime", timeout: float = MAX_SEND_SECONDS
    ) -> None:
        self.tokens = tokens
        self.body = body
        self.timeout = timeout
        self._client = GraphClient(timeout)

    def send(
        self, message: Message, sender: Sender, *, on_step: OnStep | None = None, on_draft: OnDraft | None = None
    ) -> Receipt:
        whole = self._payload(message, sender.address)
        drafts: list[str] = []

        def attempt(token: Token) -> Receipt:
            # A retry with a second token sends the draft created with the first.
            if on_draft is not None and message.leaves_copy and not drafts and DRAFTS_PERMISSION in token.roles:
                draft = whole if self.body == "mime" else self._payload(message, sender.address, is_draft=True)
                drafts.append(self._create(draft, sender, token, on_draft))
            if drafts:
                return self._send(drafts[0], message.message_id, sender, token)
            return _receipt(message.message_id, self._call("POST", "sendMail", sender, token, ACCEPTED, whole))

        return self._with_token(sender, on_step, attempt)

    def find_draft(self, draft: str, message_id: str, sender: Sender) -> str | None:
        def attempt(token: Token) -> str | None:
            if not draft:
                return self._find_by_message_id(message_id, sender, token)
            path, params = f"messages/{quote(draft, safe='')}", {"$select": "isDraft"}
            try:
                answer = self._call("GET", path, sender, token, FOUND, headers=IMMUTABLE_IDS, params=params)
            except ItemNotFound:
                return None  # sent: Exchange may delete the draft and store a new copy in Sent Items
            if not isinstance(is_draft := answer.content.get("isDraft"), bool):
                raise _unreadable("Graph does not say whether it is a draft.", answer)
            return draft if is_draft else None

        return self._with_token(sender, None, attempt)

    def send_draft(self, draft: str, message_id: str, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        return self._with_token(sender, on_step, lambda token: self._send(draft, message_id, sender, token))

    def discard(self, draft: str, message_id: str, sender: Sender) -> None:
        def attempt(token: Token) -> None:
            if named := draft or self._find_by_message_id(message_id, sender, token):
                try:
                    path = f"messages/{quote(named, safe='')}"
                    self._call("DELETE", path, sender, token, DELETED, headers=IMMUTABLE_IDS)
                except ItemNotFound:
                    return

        self._with_token(sender, None, attempt)

    def _create(self, payload: tuple[bytes, dict[str, str]], sender: Sender, token: Token, on_draft: OnDraft) -> str:
        """Create a draft; returns its id, which `on_draft` has stored. Raises SendError, always with NOT_SENT."""
        on_draft("")
        try:
            answer = self._call("POST", "messages", sender, token, CREATED, payload, headers=IMMUTABLE_IDS)
        except SendError as failure:
            failure.outcome = Acceptance.NOT_SENT
            raise
        draft = answer.content.get("id")
        if not isinstance(draft, str) or not draft:
            raise _unreadable(f"HTTP {answer.status} names no draft.", answer)
        on_draft(draft)
        return draft

    def _send(self, draft: str, message_id: str, sender: Sender, token: Token) -> Receipt:
        try:
            path = f"messages/{quote(draft, safe='')}/send"
            return _receipt(message_id, self._call("POST", path, sender, token, ACCEPTED, headers=IMMUTABLE_IDS))
        except ItemNotFound as failure:
            failure.cause, failure.outcome, failure.retry = "transient", Acceptance.UNKNOWN, True
            failure.answer = Answer.NO_ANSWER  # an earlier request may have sent it
            raise

    def _find_by_message_id(self, message_id: str, sender: Sender, token: Token) -> str | None:
        """Find a draft without a known id: the process was killed before the id was received or stored.

        Searches only the Drafts folder. A draft that a user deleted is in another folder.
        """
        wanted = message_id.replace("'", "''")
        params = {"$filter": f"internetMessageId eq '{wanted}'", "$select": "isDraft"}
        path = "mailFolders/drafts/messages"
        answer = self._call("GET", path, sender, token, FOUND, headers=IMMUTABLE_IDS, params=params)
        found = answer.content.get("value")
        if not isinstance(found, list):
            raise _unreadable("Graph does not list the drafts.", answer)
        ids = [one.get("id") for one in found if isinstance(one, dict) and one.get("isDraft") is True]
        return next((one for one in ids if isinstance(one, str)), None)

    def _payload(self, message: Message, address: str, *, is_draft: bool = False) -> tuple[bytes, dict[str, str]]:
        """The request's body and headers. Raises SendError."""
        with converting_message_errors():
            # "saveToSentItems" is only possible with JSON.
            if self.body == "mime" and message.leaves_copy:
                data, kind = base64.b64encode(message.as_bytes(address)), "text/plain"
            else:
                resource = as_json(message)
                content = resource if is_draft else {"message": resource, "saveToSentItems": message.leaves_copy}
                data, kind = json.dumps(content).encode(), "application/json"
        if len(data) > MAX_REQUEST_BYTES:
            raise SendError("message_too_large", f"The message has {len(data)} bytes; Graph takes {MAX_REQUEST_BYTES}.")
        return data, {"Content-Type": kind}

    def _call(
        self,
        method: str,
        path: str,
        sender: Sender,
        token: Token,
        success: Success,
        payload: tuple[bytes, dict[str, str]] = (b"", {}),
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Reply:
        data, described = payload
        app, headers = _app(sender), {**described, **(headers or {})}
        with converting_message_errors():
            address = address_of(sender.address)
        return self._client.call(method, path, app, address, token, success, data=data, headers=headers, params=params)

    def _with_token(self, sender: Sender, on_step: OnStep | None, attempt: Callable[[Token], Result]) -> Result:
        app = _app(sender)
        with deadline_sockets.deadline(self.timeout):
            return self.tokens.with_token(app, app.graph_scope, PERMISSION, on_step, attempt)


def _app(sender: Sender) -> Identity:
    if sender.app is None:
        raise SendError("basic_auth_retired", "Microsoft Graph takes tokens alone: the mailbox needs an app.")
    return sender.app


def _unreadable(said: str, answer: Reply) -> SendError:
    """The error for a response without the requested data, to a request without a message."""
    return SendError("transient", said, retry=True, request_ids=answer.ids, answer=Answer.FOREIGN)


def _receipt(message_id: str, answer: Reply) -> Receipt:
    return Receipt(message_id, f"HTTP {answer.status}", answer.ids)
