"""The facts of a message for the ledger, from its MIME or from single fields (Graph's JSON, EWS's elements)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message, MIMEPart
from email.utils import format_datetime, formataddr, getaddresses, parseaddr
from typing import Any

Address = tuple[str, str]
"""display name, address"""


@dataclass(slots=True)
class Draft:
    """A message given as single fields (Graph's JSON, EWS's elements)."""

    subject: str = ""
    body: str = ""
    html: bool = False
    sender: Address | None = None
    to: list[Address] = field(default_factory=list)
    cc: list[Address] = field(default_factory=list)
    bcc: list[Address] = field(default_factory=list)
    reply_to: list[Address] = field(default_factory=list)
    message_id: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    attachments: list[tuple[str, str, bytes]] = field(default_factory=list)
    """name, content type, content"""

    def mime(self, mailbox: str) -> bytes:
        # 7 bit, so that the message can be read as bytes and as text.
        message = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
        message["From"] = formataddr(self.sender or ("", mailbox))
        for name, people in (("To", self.to), ("Cc", self.cc), ("Reply-To", self.reply_to)):
            if people:
                message[name] = ", ".join(formataddr(one) for one in people)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = self.message_id or new_message_id()
        for name, value in self.headers:
            message[name] = value
        message.set_content(self.body, subtype="html" if self.html else "plain")
        for name, kind, content in self.attachments:
            given = MIMEPart()
            given["Content-Type"] = kind
            read = given["Content-Type"]
            message.add_attachment(
                content, maintype=read.maintype, subtype=read.subtype, params=dict(read.params), filename=name
            )
        return message.as_bytes()

    def recipients(self) -> list[str]:
        return [address for _, address in (*self.to, *self.cc, *self.bcc)]


def new_message_id() -> str:
    return f"<{uuid.uuid4().hex}@sandbox.localhost>"


def ledger_facts(mime: bytes, mailbox: str, to: Iterable[str] | None = None) -> dict[str, Any]:
    """The ledger's facts of a message. Without `to` the recipients are those of its headers."""
    message = message_from_bytes(mime, policy=policy.compat32)
    headers = message_headers(message)
    message_id = headers.get("message-id", "").strip()
    if not message_id:
        message_id = new_message_id()
        mime = f"Message-ID: {message_id}\r\n".encode() + mime
    return {
        "message_id": message_id,
        "mailbox": mailbox,
        "from": parseaddr(headers.get("from", ""))[1] or mailbox,
        "to": list(to) if to is not None else header_recipients(message),
        "subject": headers.get("subject", ""),
        "mime": mime.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode(),
    }


def message_headers(message: Message) -> dict[str, str]:
    """The decoded headers by name in lower case; the first of each name."""
    found: dict[str, str] = {}
    for name, value in message.items():
        found.setdefault(name.lower(), _decoded(str(value)))
    return found


def header_recipients(message: Message) -> list[str]:
    fields = [str(value) for name in ("to", "cc", "bcc") for value in message.get_all(name, [])]
    return [address for _, address in getaddresses(fields) if address]


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value.replace("\r\n", "").replace("\n", ""))))
    except (LookupError, UnicodeDecodeError):
        return value
