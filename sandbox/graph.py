"""Microsoft Graph: `POST /v1.0/users/{id}/sendMail`, as JSON or as MIME.

Source: Microsoft Graph documentation, "user: sendMail" and "Microsoft Graph error responses".
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import parseaddr
from typing import Any

from sandbox.directory import Directory
from sandbox.faults import Fault, Faults
from sandbox.graph_message import BadMessage, draft_of
from sandbox.ledger import Ledger
from sandbox.mail import ledger_facts
from sandbox.records import GRAPH, Mailbox
from sandbox.tokens import Claims, TokenRefused, Tokens
from sandbox.web import Request, Response

AUDIENCES = {GRAPH, f"{GRAPH}/", "00000003-0000-0000-c000-000000000000"}
LARGEST_REQUEST = 4 * 1024 * 1024
FAULTS: dict[int, tuple[str, str]] = {
    400: ("ErrorInvalidRequest", "The request is invalid."),
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise."),
    413: ("RequestEntityTooLarge", "Request Entity Too Large"),
    429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    500: ("InternalServerError", "An internal server error occurred. The operation failed."),
    503: ("serviceNotAvailable", "The service is temporarily unavailable. Please try again later."),
    504: ("gatewayTimeout", "The server did not answer in time."),
}
SEND_AS_DENIED = (
    "The user account which was used to submit this request does not have the right to send mail on behalf of the "
    "specified sending account., Cannot submit message."
)


@dataclass
class Refusal(Exception):
    status: int
    code: str
    message: str


class Graph:
    def __init__(self, directory: Directory, tokens: Tokens, faults: Faults, ledger: Ledger) -> None:
        self._directory = directory
        self._tokens = tokens
        self._faults = faults
        self._ledger = ledger

    def send_mail(self, user: str, request: Request) -> Response:
        """`user` is an address or an object id; "me" needs a signed-in user, whom an app is not."""
        request_id = str(uuid.uuid4())
        named = self._directory.find_mailbox(user)
        mailbox = named.address if named else user
        response = self._faults.around(
            "graph",
            mailbox,
            lambda: self._answer(user, request, request_id),
            lambda fault: _fault(fault, request, request_id),
        )
        response.headers["request-id"] = request_id
        client_request_id = request.headers.get("client-request-id", request_id)
        # Graph repeats the client's id when asked to, and always names one.
        response.headers["client-request-id"] = client_request_id
        response.headers["x-ms-ags-diagnostic"] = '{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"1"}}'
        return response

    def unknown(self, request: Request) -> Response:
        segment = request.path.rsplit("/", 1)[-1]
        refusal = Refusal(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
        return _error(refusal, request, str(uuid.uuid4()))

    def _answer(self, user: str, request: Request, request_id: str) -> Response:
        try:
            if request.method != "POST":
                raise Refusal(405, "Request_BadRequest", "The OData request is not supported.")
            claims = self._claims(request)
            mailbox = self._mailbox(user, claims)
            facts = self._message(request, mailbox)
        except Refusal as refusal:
            self._ledger.append(
                "refused",
                "graph",
                status=refusal.status,
                code=refusal.code,
                mailbox=user,
                client_request_id=request.headers.get("client-request-id"),
            )
            return _error(refusal, request, request_id)
        self._ledger.append(
            "message",
            "graph",
            **facts,
            client_request_id=request.headers.get("client-request-id"),
            request_id=request_id,
            client_id=claims["appid"],
            tenant=claims["tid"],
        )
        return Response(202)

    def _claims(self, request: Request) -> Claims:
        try:
            claims = self._tokens.read(request.headers.get("authorization", ""))
        except TokenRefused as refused:
            raise Refusal(401, "InvalidAuthenticationToken", str(refused)) from None
        if claims["aud"] not in AUDIENCES:
            raise Refusal(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
        return claims

    def _mailbox(self, user: str, claims: Claims) -> Mailbox:
        scoped = self._directory.scoped_mailboxes(claims["appid"], claims["tid"], "Mail.Send")
        roles = claims.get("roles", [])
        if not roles and scoped is None:
            text = "The token contains no permissions, or permissions can not be understood."
            raise Refusal(401, "NoPermissionsInAccessToken", text)
        mailbox = self._directory.find_mailbox(user, claims["tid"])
        if mailbox is None:
            raise Refusal(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")
        if "Mail.Send" not in roles and mailbox.address.lower() not in (scoped or []):
            raise Refusal(403, "ErrorAccessDenied", FAULTS[403][1])
        return mailbox

    def _message(self, request: Request, mailbox: Mailbox) -> dict[str, Any]:
        if len(request.body) > LARGEST_REQUEST:
            raise Refusal(413, *FAULTS[413])
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/plain":
            facts = ledger_facts(_decoded_mime(request.body), mailbox.address)
        elif kind == "application/json":
            facts = _from_json(request.body, mailbox.address)
        else:
            raise Refusal(415, "RequestBodyRead", f"The content type '{kind}' is not supported.")
        if not facts["to"]:
            text = "At least one recipient is not valid., Message must have at least one recipient."
            raise Refusal(400, "ErrorInvalidRecipients", text)
        if facts["from"].lower() not in {mailbox.address.lower(), *mailbox.send_as}:
            raise Refusal(403, "ErrorSendAsDenied", SEND_AS_DENIED)
        return facts


def _decoded_mime(body: bytes) -> bytes:
    try:
        mime = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        mime = b""
    if not mime:
        raise Refusal(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
    if not parseaddr(str(message_from_bytes(mime).get("From", "")))[1] and b":" not in mime[:200]:
        raise Refusal(400, "ErrorMimeContentInvalid", "The MIME content is invalid.")
    return mime


def _from_json(body: bytes, mailbox: str) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        text = (
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid "
            "JSON format."
        )
        raise Refusal(400, "BadRequest", text) from None
    try:
        draft = draft_of(content)
    except BadMessage as bad:
        raise Refusal(400, bad.code, str(bad)) from None
    facts = ledger_facts(draft.mime(mailbox), mailbox, draft.recipients())
    return {**facts, "json": content}


def _error(refusal: Refusal, request: Request, request_id: str) -> Response:
    inner = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id),
    }
    body = {"error": {"code": refusal.code, "message": refusal.message, "innerError": inner}}
    headers = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = (
            'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
            'client_id="00000003-0000-0000-c000-000000000000"'
        )
    return Response.of_json(body, refusal.status, headers)


def _fault(fault: Fault, request: Request, request_id: str) -> Response:
    status = fault.status or 500
    code, text = FAULTS.get(status, ("UnknownError", "An error has occurred."))
    response = _error(Refusal(status, str(fault.code or code), text), request, request_id)
    if status == 429:
        response.headers["Retry-After"] = "10"
    return response
