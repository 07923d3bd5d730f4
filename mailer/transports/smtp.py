"""SMTP: AUTH XOAUTH2 over STARTTLS at Exchange Online, or a relay of the customer's own.

Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth"; RFC 5321, RFC 3207.
"""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlsplit

from mailer import diagnosis, wire
from mailer.failure import Failure, Outcome
from mailer.identity import OnStep, TokenSource
from mailer.message import Message
from mailer.transports import Login, Receipt, Sender
from mailer.transports.permission import token_for

PERMISSION = "SMTP.SendAsApp"
TIMEOUT = 30.0
HELO = "[127.0.0.1]"
"""Our name in EHLO; the machine's own would have to be looked up, and would tell more than is needed."""


class SmtpTransport:
    """One connection for each message: a submission is rare, and a kept connection is one more thing to be stale."""

    def __init__(self, tokens: TokenSource) -> None:
        self.tokens = tokens

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        app = sender.app
        if app is None:
            raise Failure("basic_auth_retired", "Exchange Online takes tokens alone: the mailbox needs an app.")
        token = token_for(self.tokens, app, app.cloud.exchange_scope, PERMISSION, on_step)
        host, _, port = app.cloud.smtp.rpartition(":")

        def log_in(client: smtplib.SMTP) -> None:
            client.starttls(context=_context(app.cloud.ca_file))
            client.ehlo(HELO)
            try:
                _xoauth2(client, sender.address, token.value)
            except Failure:
                self.tokens.forget(app, app.cloud.exchange_scope)
                raise

        return _submit(lambda: smtplib.SMTP(host, int(port), HELO, TIMEOUT), log_in, message, sender.address)


def _xoauth2(client: smtplib.SMTP, address: str, token: str) -> None:
    """A refusal comes as 334 with a JSON that must be answered by an empty line; the reason follows as 535."""
    proof = base64.b64encode(f"user={address}\x01auth=Bearer {token}\x01\x01".encode()).decode("ascii")
    if not client.has_extn("auth"):
        raise Failure("smtp_auth_disabled", "The server offers no AUTH.")
    code, reply = client.docmd("AUTH", f"XOAUTH2 {proof}")
    if code == 334:
        code, reply = client.docmd("")
    if code != 235:
        raise _refused(code, reply)


@dataclass(frozen=True)
class RelayTransport:
    """A mail server that takes mail from this machine, with or without a login: the channel of last resort."""

    host: str
    port: int
    login: Login | None = None
    implicit_tls: bool = False
    ca_file: str | None = None

    @classmethod
    def from_url(cls, url: str) -> RelayTransport:
        """`smtp://host:port`, `smtps://user:password@host`; `?ca_file=` trusts its own CA. Raises ValueError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError(
                "The SMTP URL cannot be read: write smtp://host:port or smtps://user:password@host."
            ) from None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("The SMTP URL must look like smtp://host:port or smtps://user:password@host.")
        login = Login(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        implicit = parts.scheme == "smtps"
        ca_file = parse_qs(parts.query).get("ca_file", [None])[0]
        return cls(parts.hostname, port or (465 if implicit else 587 if login else 25), login, implicit, ca_file)

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        def connect() -> smtplib.SMTP:
            if self.implicit_tls:
                return smtplib.SMTP_SSL(self.host, self.port, HELO, timeout=TIMEOUT, context=_context(self.ca_file))
            return smtplib.SMTP(self.host, self.port, HELO, TIMEOUT)

        def log_in(client: smtplib.SMTP) -> None:
            if not self.implicit_tls and client.has_extn("starttls") and (self.login or self.ca_file):
                client.starttls(context=_context(self.ca_file))
                client.ehlo(HELO)
            elif self.login and not self.implicit_tls:
                raise Failure("tls", "The relay offers no STARTTLS; the password is not sent in clear.")
            if self.login:
                client.login(self.login.username, self.login.password)

        return _submit(connect, log_in, message, sender.address)


def _submit(
    connect: Callable[[], smtplib.SMTP], log_in: Callable[[smtplib.SMTP], None], message: Message, address: str
) -> Receipt:
    """One whole conversation. Only once DATA's body is on its way can the message have been accepted."""
    on_its_way = False
    client: smtplib.SMTP | None = None
    try:
        client = connect()
        client.ehlo(HELO)
        log_in(client)
        refused = _envelope(client, message, address)
        on_its_way = True
        code, reply = client.data(message.as_bytes(address))
        if code != 250:
            raise _refused(code, reply)
    except Failure:
        raise
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from None
    except (smtplib.SMTPException, OSError) as error:
        raise wire.failure_of(error, sent=on_its_way) from None
    finally:
        if client is not None:
            _part(client)
    return Receipt(message.message_id, wire.one_line(f"{code} {_text(reply)}"), refused=refused)


def _envelope(client: smtplib.SMTP, message: Message, address: str) -> dict[str, str]:
    """MAIL and RCPT; who was turned away and why. Raises Failure if nobody is left."""
    code, reply = client.mail(address)
    if code != 250:
        raise _refused(code, reply)
    refused: dict[str, str] = {}
    for recipient in message.recipients:
        code, reply = client.rcpt(recipient)
        if code not in (250, 251):
            refused[recipient] = wire.one_line(f"{code} {_text(reply)}")
    if len(refused) == len(message.recipients):
        raise _refused(code, reply)
    return refused


def _refused(code: int, reply: bytes | str) -> Failure:
    cause = diagnosis.from_smtp(code, reply)
    return Failure(cause, wire.one_line(f"{code} {_text(reply)}"), Outcome.NOT_SENT, retry=400 <= code < 500)


def _part(client: smtplib.SMTP) -> None:
    try:
        client.quit()
    except (smtplib.SMTPException, OSError):
        client.close()


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


@lru_cache(maxsize=16)
def _context(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
