"""Microsoft Graph: `POST /users/{address}/sendMail` (`/me` for a person who signed in), the message as MIME or as JSON;
or, where the app may, a draft that is made, then sent, and can be looked up when no answer came.

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
from mailer.message import Message, address_of
from mailer.tokens import OnStep, Token, TokenSource
from mailer.transports import LONGEST, OnDraft, Receipt, Sender
from mailer.transports.graph_client import ACCEPTED, CREATED, DELETED, FOUND, GraphClient, ItemNotFound, Reply, Success
from mailer.transports.graph_json import as_json
from mailer.transports.mime_errors import writing
from mailer.transports.token_retry import with_token

LARGEST = 4_000_000
"""Bytes of a request's body; more needs an upload session. Source: Graph, "Limitations of sendMail"."""
PERMISSION = "Mail.Send"
FOR_DRAFTS = "Mail.ReadWrite"
"""Optional. Only where the token shows it are drafts made: an app whose rights Exchange scopes by RBAC shows none."""
IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
"""The usual id of a message changes when it is moved, as a draft is by being sent."""
Result = TypeVar("Result")


class GraphTransport:
    def __init__(
        self, tokens: TokenSource, *, body: Literal["mime", "json"] = "mime", timeout: float = LONGEST
    ) -> None:
        self.tokens = tokens
        self.body = body
        self.timeout = timeout
        self._door = GraphClient(timeout)

    def send(
        self, message: Message, sender: Sender, *, on_step: OnStep | None = None, on_draft: OnDraft | None = None
    ) -> Receipt:
        whole = self._payload(message, sender.address)
        drafts: list[str] = []

        def attempt(token: Token) -> Receipt:
            # A second token sends the draft that was made under the first.
            if on_draft is not None and message.leaves_copy and not drafts and FOR_DRAFTS in token.roles:
                draft = whole if self.body == "mime" else self._payload(message, sender.address, is_draft=True)
                drafts.append(self._create(draft, sender, token, on_draft))
            if drafts:
                return self._send(drafts[0], message.message_id, sender, token)
            return _receipt(message.message_id, self._call("POST", "sendMail", sender, token, ACCEPTED, whole))

        return self._with_token(sender, on_step, attempt)

    def find_draft(self, draft: str, message_id: str, sender: Sender) -> str | None:
        def attempt(token: Token) -> str | None:
            if not draft:
                return self._find_unnamed(message_id, sender, token)
            path, params = f"messages/{quote(draft, safe='')}", {"$select": "isDraft"}
            try:
                answer = self._call("GET", path, sender, token, FOUND, headers=IMMUTABLE, params=params)
            except ItemNotFound:
                return None  # Exchange may put a new copy into Sent Items, and take the draft away
            if not isinstance(is_draft := answer.content.get("isDraft"), bool):
                raise _unreadable("Graph does not say whether it is a draft.", answer)
            return draft if is_draft else None

        return self._with_token(sender, None, attempt)

    def send_draft(self, draft: str, message_id: str, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        return self._with_token(sender, on_step, lambda token: self._send(draft, message_id, sender, token))

    def discard(self, draft: str, message_id: str, sender: Sender) -> None:
        def attempt(token: Token) -> None:
            if named := draft or self._find_unnamed(message_id, sender, token):
                try:
                    path = f"messages/{quote(named, safe='')}"
                    self._call("DELETE", path, sender, token, DELETED, headers=IMMUTABLE)
                except ItemNotFound:
                    return

        self._with_token(sender, None, attempt)

    def _create(self, payload: tuple[bytes, dict[str, str]], sender: Sender, token: Token, on_draft: OnDraft) -> str:
        """A draft's id, which whoever asked has kept. Raises SendError; whatever it is, nothing was sent."""
        on_draft("")
        try:
            answer = self._call("POST", "messages", sender, token, CREATED, payload, headers=IMMUTABLE)
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
            return _receipt(message_id, self._call("POST", path, sender, token, ACCEPTED, headers=IMMUTABLE))
        except ItemNotFound as failure:
            failure.cause, failure.outcome, failure.retry = "transient", Acceptance.UNKNOWN, True
            failure.answer = Answer.NO_ANSWER  # it may be what an earlier request sent
            raise

    def _find_unnamed(self, message_id: str, sender: Sender, token: Token) -> str | None:
        """The draft of which nobody knows the id: whoever made it was killed before it was told, or before it was kept.

        Only in the folder where drafts are made. Whoever deletes one moves it elsewhere."""
        wanted = message_id.replace("'", "''")
        params = {"$filter": f"internetMessageId eq '{wanted}'", "$select": "isDraft"}
        path = "mailFolders/drafts/messages"
        answer = self._call("GET", path, sender, token, FOUND, headers=IMMUTABLE, params=params)
        found = answer.content.get("value")
        if not isinstance(found, list):
            raise _unreadable("Graph does not list the drafts.", answer)
        ids = [one.get("id") for one in found if isinstance(one, dict) and one.get("isDraft") is True]
        return next((one for one in ids if isinstance(one, str)), None)

    def _payload(self, message: Message, address: str, *, is_draft: bool = False) -> tuple[bytes, dict[str, str]]:
        """A request's body and its headers. Raises SendError."""
        with writing():
            # MIME has no place for "saveToSentItems".
            if self.body == "mime" and message.leaves_copy:
                data, kind = base64.b64encode(message.as_bytes(address)), "text/plain"
            else:
                resource = as_json(message)
                content = resource if is_draft else {"message": resource, "saveToSentItems": message.leaves_copy}
                data, kind = json.dumps(content).encode(), "application/json"
        if len(data) > LARGEST:
            raise SendError("message_too_large", f"The message has {len(data)} bytes; Graph takes {LARGEST}.")
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
        with writing():
            address = address_of(sender.address)
        return self._door.call(method, path, app, address, token, success, data=data, headers=headers, params=params)

    def _with_token(self, sender: Sender, on_step: OnStep | None, attempt: Callable[[Token], Result]) -> Result:
        app = _app(sender)
        with deadline_sockets.deadline(self.timeout):
            return with_token(self.tokens, app, app.graph_scope, PERMISSION, on_step, attempt)


def _app(sender: Sender) -> Identity:
    if sender.app is None:
        raise SendError("basic_auth_retired", "Microsoft Graph takes tokens alone: the mailbox needs an app.")
    return sender.app


def _unreadable(said: str, answer: Reply) -> SendError:
    """Of an answer that lacks what was asked for. It carried no message."""
    return SendError("transient", said, retry=True, request_ids=answer.ids, answer=Answer.FOREIGN)


def _receipt(message_id: str, answer: Reply) -> Receipt:
    return Receipt(message_id, f"HTTP {answer.status}", answer.ids)
