"""Microsoft Graph's mail API: sendMail; creating, finding, sending and deleting drafts; as JSON or MIME.

Source: Microsoft Graph documentation, "user: sendMail", "Create message", "message: send", "List messages".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import NamedTuple

from sandbox.entra.tokens import Claims, TokenRefused, Tokens
from sandbox.faults import Faults, Stage
from sandbox.graph.message_parser import facts_of, saves_copy
from sandbox.graph.responses import FAULTS, GraphRefusal, error, fault_answer, resource, wants_immutable_ids
from sandbox.ledger import Ledger
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory
from sandbox.state.mailbox_items import Item, Items
from sandbox.state.models import GRAPH, SandboxMailbox

AUDIENCES = {GRAPH, f"{GRAPH}/", "00000003-0000-0000-c000-000000000000"}
SEND_AS_DENIED = (
    "The user account which was used to submit this request does not have the right to send mail on behalf of the "
    "specified sending account., Cannot submit message."
)
BY_MESSAGE_ID = re.compile(r"internetMessageId eq '((?:[^']|'')*)'")
ME = "me"
"""The signed-in user's mailbox."""
READ = ("Mail.ReadWrite", "Mail.Read", "Mail.ReadBasic.All")


class GraphCall(NamedTuple):
    """An authorized request. `named`: the message or folder in its path."""

    request: Request
    mailbox: SandboxMailbox
    claims: Claims
    named: str
    request_id: str


class Operation(NamedTuple):
    """`permissions`: any of them is sufficient. `stage`: the stage of faults for this operation."""

    method: str
    path: re.Pattern[str]
    permissions: tuple[str, ...]
    stage: Stage
    answer: Callable[[Graph, GraphCall], Response]


class Graph:
    """The mail API."""

    def __init__(self, directory: Directory, tokens: Tokens, faults: Faults, ledger: Ledger) -> None:
        self._directory = directory
        self._tokens = tokens
        self._faults = faults
        self._ledger = ledger
        self._items = Items(ledger)

    def answer(self, user: str, path: str, request: Request) -> Response:
        """Answer a request. `user`: an address, an object id, or "me", which is only valid for a delegated token."""
        known = [one for one in OPERATIONS if one.path.fullmatch(path)]
        if not known:
            return self.unknown(request)
        operation = next((one for one in known if one.method == request.method), None)
        request_id = str(uuid.uuid4())
        named = self._directory.find_mailbox(user if user != ME else self._signed_in(request))
        mailbox = named.address if named else user
        response = self._faults.apply(
            "graph",
            mailbox,
            lambda: self._answer(user, path, request, request_id, operation),
            lambda fault: fault_answer(fault, request, request_id),
            operation.stage if operation else "data",
        )
        response.headers["request-id"] = request_id
        client_request_id = request.headers.get("client-request-id", request_id)
        # Graph repeats the client's id or returns its own.
        response.headers["client-request-id"] = client_request_id
        response.headers["x-ms-ags-diagnostic"] = '{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"1"}}'
        if wants_immutable_ids(request):
            response.headers["Preference-Applied"] = 'IdType="ImmutableId"'
        return response

    def unknown(self, request: Request) -> Response:
        segment = request.path.rsplit("/", 1)[-1]
        refusal = GraphRefusal(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
        return error(refusal, request, str(uuid.uuid4()))

    def _answer(self, user: str, path: str, request: Request, request_id: str, operation: Operation | None) -> Response:
        try:
            if operation is None:
                raise GraphRefusal(405, "Request_BadRequest", "The OData request is not supported.")
            claims = self._claims(request)
            mailbox = self._mailbox(user, claims, operation.permissions)
            found = operation.path.fullmatch(path)
            named = found[1] if found and found.lastindex else ""
            return operation.answer(self, GraphCall(request, mailbox, claims, named, request_id))
        except GraphRefusal as refusal:
            self._ledger.append(
                "refused",
                "graph",
                status=refusal.status,
                code=refusal.code,
                mailbox=user,
                client_request_id=request.headers.get("client-request-id"),
            )
            return error(refusal, request, request_id)

    def _claims(self, request: Request) -> Claims:
        try:
            claims = self._tokens.read(request.headers.get("authorization", ""))
        except TokenRefused as refused:
            raise GraphRefusal(401, "InvalidAuthenticationToken", str(refused)) from None
        if claims["aud"] not in AUDIENCES:
            raise GraphRefusal(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
        return claims

    def _signed_in(self, request: Request) -> str:
        try:
            return str(self._claims(request)["oid"])
        except GraphRefusal:
            return ""

    def _mailbox(self, user: str, claims: Claims, permissions: tuple[str, ...]) -> SandboxMailbox:
        if "scp" in claims:
            return self._own(user, claims, permissions)
        if user == ME:
            raise GraphRefusal(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        app, tenant = claims["appid"], claims["tid"]
        scoped = [self._directory.scoped_mailboxes(app, tenant, permission) for permission in permissions]
        roles = claims.get("roles", [])
        if not roles and not self._directory.is_scoped(app, tenant):
            text = "The token contains no permissions, or permissions can not be understood."
            raise GraphRefusal(401, "NoPermissionsInAccessToken", text)
        mailbox = self._directory.find_mailbox(user, tenant)
        if mailbox is None:
            raise GraphRefusal(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")
        may = any(permission in roles for permission in permissions)
        if not may and not any(mailbox.address.lower() in (addresses or []) for addresses in scoped):
            raise GraphRefusal(403, "ErrorAccessDenied", FAULTS[403][1])
        return mailbox

    def _own(self, user: str, claims: Claims, permissions: tuple[str, ...]) -> SandboxMailbox:
        """The mailbox of the signed-in person; a delegated token has access to no other."""
        mailbox = self._directory.find_mailbox(claims["oid"], claims["tid"])
        if mailbox is None:
            raise GraphRefusal(404, "MailboxNotEnabledForRESTAPI", "REST API is not yet supported for this mailbox.")
        is_theirs = user == ME or self._directory.find_mailbox(user, claims["tid"]) is mailbox
        if not is_theirs or not set(permissions) & set(claims["scp"].split()):
            raise GraphRefusal(403, "ErrorAccessDenied", FAULTS[403][1])
        return mailbox

    # The operations

    def _send_mail(self, call: GraphCall) -> Response:
        facts = facts_of(call.request, call.mailbox.address)
        self._may_be_sent(facts["to"], facts["from"], call.mailbox)
        self._append("message", call, **facts, saved=saves_copy(facts))
        return Response(202)

    def _create(self, call: GraphCall) -> Response:
        facts = facts_of(call.request, call.mailbox.address, is_draft=True)
        item = self._append("draft", call, **facts)
        assert item is not None  # noqa: S101 (a draft makes one)
        return Response.of_json({"@odata.context": _context(call), **resource(item, call.request)}, 201)

    def _send(self, call: GraphCall) -> Response:
        if "content-length" not in call.request.headers and "transfer-encoding" not in call.request.headers:
            raise GraphRefusal(411, "LengthRequired", "A content length is required.")
        item = self._item(call)
        self._may_be_sent(item.facts["to"], item.facts["from"], call.mailbox)
        if not self._items.begin_sending(item):
            raise _not_found()
        facts = {name: value for name, value in item.facts.items() if name in FACTS}
        self._append("message", call, **facts, item=item.number)
        return Response(202)

    def _get(self, call: GraphCall) -> Response:
        item = self._item(call)
        return Response.of_json({"@odata.context": _context(call), **resource(item, call.request)})

    def _delete(self, call: GraphCall) -> Response:
        """Move the item to Deleted Items; delete it if it is there."""
        self._append("deleted", call, item=self._item(call).number, mailbox=call.mailbox.address)
        return Response(204)

    def _list(self, call: GraphCall) -> Response:
        wanted = BY_MESSAGE_ID.fullmatch(call.request.query.get("$filter", ""))
        if wanted is None:
            text = "The query filter contains one or more invalid nodes."
            raise GraphRefusal(400, "ErrorInvalidUrlQueryFilter", text)
        folder = call.named.lower() or None
        found = self._items.find_by_message_id(call.mailbox.address, wanted[1].replace("''", "'"), folder)
        value = [resource(item, call.request) for item in found[: int(call.request.query.get("$top", 10))]]
        return Response.of_json({"@odata.context": _context(call), "value": value})

    def _item(self, call: GraphCall) -> Item:
        try:
            item = self._items.find(call.mailbox.address, call.named)
        except ValueError:
            raise GraphRefusal(400, "ErrorInvalidIdMalformed", "Id is malformed.") from None
        if item is None:
            raise _not_found()
        return item

    def _append(self, kind: str, call: GraphCall, **facts: object) -> Item | None:
        entry = self._ledger.append(
            kind,
            "graph",
            **facts,
            client_request_id=call.request.headers.get("client-request-id"),
            request_id=call.request_id,
            client_id=call.claims["appid"],
            tenant=call.claims["tid"],
        )
        return self._items.apply(entry)

    @staticmethod
    def _may_be_sent(recipients: list[str], sender: str, mailbox: SandboxMailbox) -> None:
        if not recipients:
            text = "At least one recipient is not valid., Message must have at least one recipient."
            raise GraphRefusal(400, "ErrorInvalidRecipients", text)
        if sender.lower() not in {mailbox.address.lower(), *mailbox.send_as}:
            raise GraphRefusal(403, "ErrorSendAsDenied", SEND_AS_DENIED)


FACTS = {"message_id", "mailbox", "from", "to", "subject", "mime", "json"}
SEND, WRITE = ("Mail.Send",), ("Mail.ReadWrite",)
NAME = r"(?:microsoft\.graph\.)?"
ONE = r"messages/([^/]+)"
OPERATIONS = (
    Operation("POST", re.compile(rf"{NAME}sendMail", re.IGNORECASE), SEND, "data", Graph._send_mail),
    Operation("POST", re.compile("messages"), WRITE, "draft", Graph._create),
    Operation("GET", re.compile("messages"), READ, "lookup", Graph._list),
    Operation("GET", re.compile(r"mailFolders/(drafts|sentitems|deleteditems)/messages", re.IGNORECASE), READ,
              "lookup", Graph._list),
    Operation("POST", re.compile(rf"{ONE}/{NAME}send"), SEND, "data", Graph._send),
    Operation("GET", re.compile(ONE), READ, "lookup", Graph._get),
    Operation("DELETE", re.compile(ONE), WRITE, "delete", Graph._delete),
)  # fmt: skip


def _context(call: GraphCall) -> str:
    return f"https://graph.microsoft.com/v1.0/$metadata#users('{call.mailbox.object_id}')/messages"


def _not_found() -> GraphRefusal:
    return GraphRefusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")
