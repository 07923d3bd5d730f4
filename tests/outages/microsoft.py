"""Microsoft 365 as far as a mail needs it: a token endpoint, Graph with drafts, EWS. Written from Microsoft's pages.

Source: "OAuth 2.0 client credentials flow"; Graph v1.0, "user: sendMail", "Create message", "message: send", "Get
message", "List messages", "Delete message"; EWS, "CreateItem operation".
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qs

from tests.mailer.transports.soap import created
from tests.outages.answers import reply
from tests.outages.endpoints import AnswerNow, Concern, HttpEndpoint, HttpRequest
from tests.outages.ledger import AcceptanceLedger

ROLES = ("Mail.Send", "full_access_as_app", "SMTP.SendAsApp")
FOR_DRAFTS = "Mail.ReadWrite"
TOKEN_LIFE = 3599
"""Seconds."""


@dataclass
class Draft:
    id: str
    mailbox: str
    mime: bytes
    is_draft: bool = True

    @property
    def message_id(self) -> str:
        return str(message_from_bytes(self.mime)["Message-ID"])


class MailboxStore:
    """Drafts and tokens of the whole provider, and what may be done with them."""

    def __init__(self, ledger: AcceptanceLedger, clock: Callable[[], datetime]) -> None:
        self.ledger, self.clock = ledger, clock
        self.allows_drafts = False
        self.forbidden: set[str] = set()
        """Mailboxes whose use Exchange denies, in lower case."""
        self.unknown_recipients: dict[str, set[str]] = {}
        """By endpoint: addresses that it permanently refuses."""
        self.drafts: dict[str, Draft] = {}
        self._tokens: set[str] = set()
        self._lock = threading.Lock()

    def issue_token(self) -> str:
        roles = [*ROLES, *([FOR_DRAFTS] if self.allows_drafts else [])]
        claims = {"roles": roles, "aud": "https://graph.microsoft.com", "jti": secrets.token_hex(8)}
        token = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "none"}, claims)) + ".c2lnbmVk"
        self._tokens.add(token)
        return token

    def knows(self, token: str) -> bool:
        return token in self._tokens

    def accept(self, endpoint: str, mailbox: str, mime: bytes, *, hidden: bool) -> None:
        self.ledger.add_mail(mime, at=self.clock(), endpoint=endpoint, mailbox=mailbox, was_hidden=hidden)

    def refuses(self, endpoint: str, mime: bytes) -> bool:
        recipients = str(message_from_bytes(mime)["To"]).split(",")
        return any(parseaddr(one)[1] in self.unknown_recipients.get(endpoint, ()) for one in recipients)

    def lay_down(self, mailbox: str, mime: bytes) -> Draft:
        draft = Draft(f"AAk{secrets.token_urlsafe(12)}", mailbox, mime)
        with self._lock:
            self.drafts[draft.id] = draft
        return draft


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class _MicrosoftEndpoint(HttpEndpoint):
    def __init__(self, name: str, answer_now: AnswerNow, good: Any, untrusted: Any, store: MailboxStore) -> None:
        super().__init__(name, answer_now, good, untrusted)
        self.store = store


class TokenEndpoint(_MicrosoftEndpoint):
    """Discovery document and client credentials."""

    def handle(self, request: HttpRequest, *, hidden: bool) -> bytes:
        tenant = request.path.split("/")[1]
        base = f"https://localhost:{self.port}/{tenant}"
        if request.path.endswith("/openid-configuration"):
            return _json(
                200,
                {
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                },
            )
        form = parse_qs(request.body.decode())
        if not request.path.endswith("/token") or form["grant_type"] != ["client_credentials"]:
            return _json(400, {"error": "invalid_request", "error_description": "AADSTS900144: no such request."})
        token = self.store.issue_token()
        return _json(200, {"token_type": "Bearer", "expires_in": TOKEN_LIFE, "access_token": token})


class GraphEndpoint(_MicrosoftEndpoint):
    OPERATIONS = (
        ("sendMail", "POST", "sendMail"),
        ("create", "POST", "messages"),
        ("send", "POST", "messages/([^/]+)/send"),
        ("get", "GET", "messages/([^/]+)"),
        ("list", "GET", "mailFolders/drafts/messages"),
        ("delete", "DELETE", "messages/([^/]+)"),
    )

    def concern(self, request: HttpRequest) -> Concern:
        return self._named(request)[0]

    def handle(self, request: HttpRequest, *, hidden: bool) -> bytes:
        concern, draft_id = self._named(request)
        if not self.store.knows(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return _error(401, "InvalidAuthenticationToken")
        if concern.mailbox.lower() in self.store.forbidden:
            return _error(403, "ErrorAccessDenied")
        match concern.operation:
            case "sendMail":
                return self._send_mail(request, concern.mailbox, hidden=hidden)
            case "create":
                return self._create(request, concern.mailbox)
            case "send":
                return self._send_draft(concern.mailbox, draft_id, hidden=hidden)
            case "get":
                return self._get(draft_id)
            case "list":
                return self._list(request, concern.mailbox)
            case "delete":
                return self._delete(draft_id)
        return _error(400, "BadRequest")

    def _named(self, request: HttpRequest) -> tuple[Concern, str]:
        """And the id of the draft in its path, if there is one."""
        parts = re.fullmatch(r"/v1\.0/users/([^/]+)/(.*)", request.path)
        if parts is None:
            return Concern(), ""
        for operation, method, pattern in self.OPERATIONS:
            if request.method == method and (found := re.fullmatch(pattern, parts[2])):
                return Concern(parts[1], operation), "".join(found.groups())
        return Concern(parts[1]), ""

    def _send_mail(self, request: HttpRequest, mailbox: str, *, hidden: bool) -> bytes:
        mime = base64.b64decode(request.body)
        if self.store.refuses("graph", mime):
            return _error(400, "ErrorInvalidRecipients")
        self.store.accept("graph", mailbox, mime, hidden=hidden)
        return reply(202)

    def _create(self, request: HttpRequest, mailbox: str) -> bytes:
        if not self.store.allows_drafts:
            return _error(403, "ErrorAccessDenied")
        draft = self.store.lay_down(mailbox, base64.b64decode(request.body))
        return _json(201, {"id": draft.id, "isDraft": True, "internetMessageId": draft.message_id})

    def _send_draft(self, mailbox: str, draft_id: str, *, hidden: bool) -> bytes:
        draft = self.store.drafts.get(draft_id)
        if draft is None or not draft.is_draft:
            return _error(404, "ErrorItemNotFound")
        if self.store.refuses("graph", draft.mime):
            return _error(400, "ErrorInvalidRecipients")
        draft.is_draft = False
        self.store.accept("graph", mailbox, draft.mime, hidden=hidden)
        return reply(202)

    def _get(self, draft_id: str) -> bytes:
        draft = self.store.drafts.get(draft_id)
        if draft is None:
            return _error(404, "ErrorItemNotFound")
        return _json(200, {"id": draft.id, "isDraft": draft.is_draft})

    def _list(self, request: HttpRequest, mailbox: str) -> bytes:
        wanted = request.query["$filter"].removeprefix("internetMessageId eq '").removesuffix("'")
        found = [
            {"id": draft.id, "isDraft": True}
            for draft in self.store.drafts.values()
            if draft.is_draft and (draft.mailbox, draft.message_id) == (mailbox, wanted)
        ]
        return _json(200, {"value": found})

    def _delete(self, draft_id: str) -> bytes:
        if self.store.drafts.pop(draft_id, None) is None:
            return _error(404, "ErrorItemNotFound")
        return reply(204)


class EwsEndpoint(_MicrosoftEndpoint):
    def concern(self, request: HttpRequest) -> Concern:
        return Concern(request.headers.get("x-anchormailbox", ""))

    def handle(self, request: HttpRequest, *, hidden: bool) -> bytes:
        if not self.store.knows(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return reply(401)
        content = re.search(rb"MimeContent[^>]*>([^<]+)<", request.body)
        if content is None:
            return reply(400)
        mailbox, mime = self.concern(request).mailbox, base64.b64decode(content[1])
        if self.store.refuses("ews", mime):
            return _soap(created("ErrorInvalidRecipients", "Error"))
        self.store.accept("ews", mailbox, mime, hidden=hidden)
        return _soap(created())


def _json(status: int, body: dict[str, Any]) -> bytes:
    return reply(status, json.dumps(body).encode(), Content_Type="application/json")


def _error(status: int, code: str) -> bytes:
    return _json(status, {"error": {"code": code, "message": "Scripted."}})


def _soap(envelope: str) -> bytes:
    return reply(200, envelope.encode(), Content_Type="text/xml; charset=utf-8")
