"""A message in Graph's JSON format.

Source: Microsoft Graph v1.0, "message resource type".
"""

from __future__ import annotations

import base64
from email.message import MIMEPart
from typing import Any

from mailer.message import Attachment, Message, address_of, body_text, content_type, header_text, parameters


def as_json(message: Message) -> dict[str, Any]:
    """The message as a Graph resource: one body, HTML if there is one. Graph accepts only X- headers. Raises
    BadMessage."""
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
                "contentType": _content_type(attachment),
                "contentBytes": base64.b64encode(attachment.content).decode("ascii"),
            }
            for attachment in message.attachments
        ],
    }
    own = [{"name": name, "value": value} for name, value in message.own_headers() if name.lower().startswith("x-")]
    if own:
        resource["internetMessageHeaders"] = own
    return resource


def _content_type(attachment: Attachment) -> str:
    """The content type with its parameters, which include a calendar's method (RFC 6047, 2.4)."""
    written = MIMEPart()
    written["Content-Type"] = content_type(attachment)
    for name, value in parameters(attachment).items():
        written.set_param(name, value)
    return str(written["Content-Type"])


def _recipients(addresses: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": address_of(address)}} for address in addresses]
