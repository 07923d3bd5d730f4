"""A strict parser of Graph's JSON message resource: unknown properties are refused as Graph does."""

from __future__ import annotations

import base64
import binascii
import json
from email import message_from_bytes
from email.utils import parseaddr
from typing import Any

from sandbox.graph.responses import FAULTS, GraphRefusal
from sandbox.server.http_server import Request
from sandbox.state.mail_facts import Address, Draft, ledger_facts

MAX_REQUEST_BYTES = 4 * 1024 * 1024

PROPERTIES = {
    "subject",
    "body",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "from",
    "sender",
    "importance",
    "internetMessageHeaders",
    "internetMessageId",
    "attachments",
    "categories",
    "isDeliveryReceiptRequested",
    "isReadReceiptRequested",
    "flag",
    "inferenceClassification",
    "singleValueExtendedProperties",
    "multiValueExtendedProperties",
    "@odata.type",
}


class BadGraphMessage(ValueError):
    """The message is invalid; `code` is Graph's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def facts_of(request: Request, mailbox: str, *, is_draft: bool = False) -> dict[str, Any]:
    """The ledger's facts of a request's message, which is MIME, a sendMail body, or for a draft the resource.

    Raises GraphRefusal.
    """
    if len(request.body) > MAX_REQUEST_BYTES:
        raise GraphRefusal(413, *FAULTS[413])
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/plain":
        return ledger_facts(_decoded_mime(request.body), mailbox)
    if kind == "application/json":
        return _from_json(request.body, mailbox, is_draft=is_draft)
    raise GraphRefusal(415, "RequestBodyRead", f"The content type '{kind}' is not supported.")


def saves_copy(facts: dict[str, Any]) -> bool:
    """Whether a copy is stored in Sent Items: unless the sendMail body has saveToSentItems false."""
    return "json" not in facts or _any_case(facts["json"], "saveToSentItems") is not False


def _decoded_mime(body: bytes) -> bytes:
    try:
        mime = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        mime = b""
    if not mime:
        raise GraphRefusal(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
    if not parseaddr(str(message_from_bytes(mime).get("From", "")))[1] and b":" not in mime[:200]:
        raise GraphRefusal(400, "ErrorMimeContentInvalid", "The MIME content is invalid.")
    return mime


def _from_json(body: bytes, mailbox: str, *, is_draft: bool) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        text = (
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid "
            "JSON format."
        )
        raise GraphRefusal(400, "BadRequest", text) from None
    try:
        draft = draft_of({"message": content} if is_draft else content)
    except BadGraphMessage as bad:
        raise GraphRefusal(400, bad.code, str(bad)) from None
    return {**ledger_facts(draft.mime(mailbox), mailbox, draft.recipients()), "json": content}


def draft_of(content: object) -> Draft:
    """The message of a sendMail body. Raises BadGraphMessage."""
    if not isinstance(content, dict) or not isinstance(message := _any_case(content, "message"), dict):
        raise BadGraphMessage("ErrorInvalidParameter", "The parameter 'Message' is missing or invalid.")
    for name in message:
        if name not in PROPERTIES:
            text = f"The property '{name}' does not exist on type 'microsoft.graph.message'."
            raise BadGraphMessage("RequestBodyRead", text)
    try:
        return _read(message)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BadGraphMessage("RequestBodyRead", "A value of the message has the wrong shape.") from error


def _read(message: dict[str, Any]) -> Draft:
    body = message.get("body") or {}
    kind = str(body.get("contentType", "text")).lower()
    if kind not in ("text", "html"):
        text = f"Requested value '{body['contentType']}' was not found."
        raise BadGraphMessage("RequestBodyRead", text)
    headers = [(str(one["name"]), str(one["value"])) for one in message.get("internetMessageHeaders") or []]
    for name, _ in headers:
        if not name.lower().startswith("x-"):
            text = f"The internet message header name '{name}' should start with 'x-' or 'X-'."
            raise BadGraphMessage("InvalidInternetMessageHeader", text)
    return Draft(
        subject=str(message.get("subject") or ""),
        body=str(body.get("content") or ""),
        html=kind == "html",
        sender=_address(message["from"]) if message.get("from") else None,
        to=_people(message, "toRecipients"),
        cc=_people(message, "ccRecipients"),
        bcc=_people(message, "bccRecipients"),
        reply_to=_people(message, "replyTo"),
        message_id=message.get("internetMessageId"),
        headers=headers,
        attachments=[_attachment(one) for one in message.get("attachments") or []],
    )


def _people(message: dict[str, Any], name: str) -> list[Address]:
    return [_address(one) for one in message.get(name) or []]


def _address(recipient: dict[str, Any]) -> Address:
    entry = recipient["emailAddress"]
    address = str(entry["address"])
    if "@" not in address:
        raise BadGraphMessage(
            "ErrorInvalidRecipients", f"At least one recipient is not valid., Recipient '{address}' is not resolved."
        )
    return str(entry.get("name") or ""), address


def _attachment(one: dict[str, Any]) -> tuple[str, str, bytes]:
    kind = str(one.get("contentType") or "application/octet-stream")
    return str(one["name"]), kind, base64.b64decode(one["contentBytes"], validate=True)


def _any_case(content: dict[str, Any], name: str) -> Any:
    return content.get(name, content.get(name[0].upper() + name[1:]))
