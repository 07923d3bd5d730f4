"""Graph's JSON message resource, read strictly: what is misspelt is refused as Graph refuses it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sandbox.mail import Address, Draft

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


class BadMessage(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def draft_of(content: object) -> Draft:
    """The message of a sendMail body. Raises BadMessage."""
    if not isinstance(content, dict) or not isinstance(message := _any_case(content, "message"), dict):
        raise BadMessage("ErrorInvalidParameter", "The parameter 'Message' is missing or invalid.")
    for name in message:
        if name not in PROPERTIES:
            text = f"The property '{name}' does not exist on type 'microsoft.graph.message'."
            raise BadMessage("RequestBodyRead", text)
    try:
        return _read(message)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BadMessage("RequestBodyRead", "A value of the message has the wrong shape.") from error


def _read(message: dict[str, Any]) -> Draft:
    body = message.get("body") or {}
    kind = str(body.get("contentType", "text")).lower()
    if kind not in ("text", "html"):
        text = f"Requested value '{body['contentType']}' was not found."
        raise BadMessage("RequestBodyRead", text)
    headers = [(str(one["name"]), str(one["value"])) for one in message.get("internetMessageHeaders") or []]
    for name, _ in headers:
        if not name.lower().startswith("x-"):
            text = f"The internet message header name '{name}' should start with 'x-' or 'X-'."
            raise BadMessage("InvalidInternetMessageHeader", text)
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
        raise BadMessage(
            "ErrorInvalidRecipients", f"At least one recipient is not valid., Recipient '{address}' is not resolved."
        )
    return str(entry.get("name") or ""), address


def _attachment(one: dict[str, Any]) -> tuple[str, str, bytes]:
    kind = str(one.get("contentType") or "application/octet-stream")
    return str(one["name"]), kind, base64.b64decode(one["contentBytes"], validate=True)


def _any_case(content: dict[str, Any], name: str) -> Any:
    return content.get(name, content.get(name.capitalize()))
