"""One mail message as data, and its MIME form."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import idna

from mailer.encoded_words import header_registry
from mailer.errors import SendError
from mailer.http import wire_errors

_SEVEN_BIT = SMTP.clone(cte_type="7bit", header_factory=header_registry("subject"))
"""Every server accepts it; 8BITMIME is an extension that not every server has."""
_UTF8_HEADERS = _SEVEN_BIT.clone(utf8=True)
"""RFC 6532: needed for addresses whose local part is not ASCII. Free text is written in encoded words here too."""
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_OWN_HEADER = re.compile(r"X-[A-Za-z0-9-]+|Auto-Submitted", re.IGNORECASE | re.ASCII)
_CONTENT_TYPE = re.compile(
    r"(?!multipart/|message/)[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*", re.IGNORECASE | re.ASCII
)
_PARAMETER = re.compile(r"[A-Za-z0-9-]+")
_UTF8_LOCAL_PART = re.compile(r"[^\s\"(),:;<>@\[\\\]]+")
_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that break a header: controls, lone surrogates, line and paragraph separators."""


class BadMessage(ValueError):
    """The message cannot be written as mail. The text is one sentence that says why."""


class BadAddress(BadMessage):
    """Not a single plain address."""


@contextmanager
def converting_message_errors() -> Iterator[None]:
    """Convert BadMessage raised inside to SendError: nothing was sent."""
    try:
        yield
    except BadMessage as error:
        cause = "recipient_rejected" if isinstance(error, BadAddress) else "other"
        raise SendError(cause, wire_errors.sanitize(str(error))) from None


@dataclass(frozen=True, slots=True)
class Attachment:
    """`parameters` are those of the content type: (("charset", "utf-8"), ("method", "PUBLISH"))."""

    name: str
    content_type: str
    content: bytes
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """`message_id` (with its angle brackets) and `date` (aware) are set by the caller, so that a resent message is
    identical to the last byte.

    Line breaks and controls in the subject or a header become spaces; in an address they are refused.
    `headers` are additional headers: their names begin with `X-` (Graph accepts no others) or are `Auto-Submitted`.
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
    leaves_copy: bool = True
    """False: the sending mailbox must keep neither a draft nor a copy in Sent Items. A transport that cannot ensure
    this sends nothing."""

    @property
    def recipients(self) -> tuple[str, ...]:
        return self.to + self.cc

    def needs_utf8(self, sender: str) -> bool:
        """Whether an address needs UTF-8, so that the server must support SMTPUTF8 (RFC 6531)."""
        return not all(_split(address)[0].isascii() for address in (sender, *self.recipients, *self.reply_to))

    def own_headers(self) -> Iterator[tuple[str, str]]:
        """The additional headers. Raises BadMessage."""
        for name, value in self.headers.items():
            if not _OWN_HEADER.fullmatch(name):
                raise BadMessage(f'A header of our own begins with "X-"; {header_text(name)!r} does not.')
            yield name, header_text(value)

    def as_mime(self, sender: str) -> EmailMessage:
        """The message in the format of RFC 5322. Raises BadMessage."""
        if not _MESSAGE_ID.fullmatch(self.message_id):
            raise BadMessage(f"{self.message_id!r} is no Message-ID.")
        mime = EmailMessage(policy=_UTF8_HEADERS if self.needs_utf8(sender) else _SEVEN_BIT)
        mime["From"] = _address(sender)
        mime["To"] = [_address(address) for address in self.to]
        if self.cc:
            mime["Cc"] = [_address(address) for address in self.cc]
        if self.reply_to:
            mime["Reply-To"] = [_address(address) for address in self.reply_to]
        mime["Subject"] = header_text(self.subject)
        mime["Date"] = format_datetime(self.date)
        mime["Message-ID"] = self.message_id
        for name, value in self.own_headers():
            mime[name] = value
        mime.set_content(body_text(self.text))
        if self.html is not None:
            mime.add_alternative(body_text(self.html), subtype="html")
        for attachment in self.attachments:
            maintype, subtype = content_type(attachment).split("/")
            name, params = header_text(attachment.name), parameters(attachment)
            mime.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=name, params=params)
        self._set_boundaries(mime)
        return mime

    def as_bytes(self, sender: str) -> bytes:
        return self.as_mime(sender).as_bytes()

    def _set_boundaries(self, mime: EmailMessage) -> None:
        """Derive the boundaries from a hash of the content: they are the same on a resend, and a text cannot contain
        one in advance."""
        parted = repr((self.message_id, self.text, self.html, self.attachments)).encode("utf-8", "backslashreplace")
        seed = hashlib.sha256(parted).hexdigest()[:40]
        for number, part in enumerate(part for part in mime.walk() if part.is_multipart()):
            part.set_boundary(f"=_{seed}_{number}")


def address_of(address: str) -> str:
    """The address with its domain in ASCII by IDNA 2008. (Python's codec implements IDNA 2003, which would send a mail
    for straße.example to strasse.example.) Raises BadAddress unless it is a single address."""
    return _address(address).addr_spec


def header_text(text: str) -> str:
    """The text as one line: line breaks and controls become spaces."""
    return "".join(" " if unicodedata.category(character) in _BREAKS else character for character in text).strip()


def body_text(text: str) -> str:
    """The text without null characters, which servers refuse, and lone surrogates, which cannot be encoded."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def content_type(attachment: Attachment) -> str:
    return attachment.content_type if _CONTENT_TYPE.fullmatch(attachment.content_type) else "application/octet-stream"


def parameters(attachment: Attachment) -> dict[str, str]:
    """The content type's valid parameters; none if the content type is invalid."""
    if not _CONTENT_TYPE.fullmatch(attachment.content_type):
        return {}
    return {name: header_text(value) for name, value in attachment.parameters if _PARAMETER.fullmatch(name)}


def _split(address: str) -> tuple[str, str]:
    local, _at, domain = address.rpartition("@")
    return local, domain


def _address(address: str) -> Address:
    local, domain = _split(address)
    if not address.isprintable():
        raise BadAddress(f"{header_text(address)!r} holds a line break or a control character.")
    try:
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
        if not local.isascii():
            return _utf8_address(local, domain)
        parsed = Address(addr_spec=f"{local}@{domain}")
    except (ValueError, IndexError, MessageError):
        raise BadAddress(f"{address!r} is not an e-mail address.") from None
    if parsed.addr_spec != f"{local}@{domain}":
        raise BadAddress(f"{address!r} is not one plain e-mail address.")
    return parsed


def _utf8_address(local: str, domain: str) -> Address:
    if not _UTF8_LOCAL_PART.fullmatch(local):
        raise ValueError(local)
    return Address(username=local, domain=Address(addr_spec=f"a@{domain}").domain)
