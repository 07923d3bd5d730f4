"""One message, as data: what is said, to whom, and under which id and date it is known for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """`message_id` (with its angle brackets) and `date` (aware) are given, never made here: a resend repeats them.

    `headers` are extra ones, each name beginning with `X-` (Graph takes no others) or `Auto-Submitted`.
    """

    subject: str
    text: str
    to: tuple[str, ...]
    message_id: str
    date: datetime
    html: str | None = None
    cc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        return self.to + self.cc

    def as_mime(self, sender: str) -> EmailMessage:
        """The message as RFC 5322 has it. Raises ValueError on an address or header with a line break in it."""
        mime = EmailMessage(policy=SMTP)
        mime["From"] = _address(sender)
        mime["To"] = [_address(address) for address in self.to]
        if self.cc:
            mime["Cc"] = [_address(address) for address in self.cc]
        if self.reply_to:
            mime["Reply-To"] = [_address(address) for address in self.reply_to]
        mime["Subject"] = self.subject
        mime["Date"] = format_datetime(self.date)
        mime["Message-ID"] = self.message_id
        for name, value in self.headers.items():
            mime[name] = value
        mime.set_content(self.text)
        if self.html is not None:
            mime.add_alternative(self.html, subtype="html")
        for attachment in self.attachments:
            maintype, _, subtype = attachment.content_type.partition("/")
            mime.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=attachment.name)
        return mime

    def as_bytes(self, sender: str) -> bytes:
        return self.as_mime(sender).as_bytes()


def _address(address: str) -> Address:
    return Address(addr_spec=address)
