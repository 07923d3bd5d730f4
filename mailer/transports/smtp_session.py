"""SMTP sessions that record exactly how far a message was transferred.

Source: RFC 5321, 3207 (STARTTLS), 4954 (AUTH), 1870 (SIZE), 6531 (SMTPUTF8).
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mailer import diagnosis
from mailer.email_address import ascii_host
from mailer.errors import DOUBTFUL, Acceptance, Answer, SendError
from mailer.http import deadline_sockets, http_session, wire_errors
from mailer.message import Message, address_of, converting_message_errors
from mailer.transports import Receipt
from mailer.transports.smtp_pool import Endpoint, SmtpPool

HELO = "[127.0.0.1]"
"""Our name in EHLO. The host name would need a lookup and reveal more than necessary."""
ACCEPTED_RECIPIENT = frozenset({250, 251, 252})
"""Replies that accept a recipient: local, forwarded, or unverified (RFC 5321, 4.3.2)."""
QUIT_TIMEOUT = 2.0
"""Seconds. The message was accepted before, so nothing depends on QUIT."""
MAX_LINE_LENGTH = 8192
"""Octets of one line of a reply. RFC 5321, 4.5.3.1.5, allows 512, but some servers send more."""
MAX_REPLY_LINES = 128
"""Exchange Online's reply to EHLO has a dozen."""
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?\r?\n", re.DOTALL)
"""A line of a reply (RFC 5321, 4.2): the code, a hyphen on all lines but the last, the text."""


class GarbledReply(smtplib.SMTPException):
    """The server's reply is malformed: another protocol, a truncated or endless line, or lines with several codes."""

    proves = Answer.FOREIGN


class Client(smtplib.SMTP):
    """smtplib's client on sockets with a deadline. `implicit`: TLS from the first byte, as on port 465."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, *, implicit: bool = False) -> None:
        self._context = context
        self._implicit = implicit
        super().__init__(ascii_host(host), port, HELO)

    def _get_socket(self, host: str, port: int, timeout: Any) -> Any:
        with http_session.marking_errors(Answer.NOT_REACHED):
            plain = deadline_sockets.dial(host, port)
            return self._secured(plain, host) if self._implicit else plain

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply strictly. smtplib accepts a truncated line at the end of a connection, and lines with several
        codes. Raises GarbledReply, SMTPServerDisconnected."""
        codes: set[bytes] = set()
        texts: list[bytes] = []
        for _line in range(MAX_REPLY_LINES):
            code, is_last, text = self._line()
            codes.add(code)
            texts.append(text)
            if len(codes) > 1:
                break
            if is_last:
                return int(code), b"\n".join(texts)
        self.close()
        raise GarbledReply(f"a reply of {len(texts)} lines with the codes {b', '.join(sorted(codes)).decode()}")

    def _line(self) -> tuple[bytes, bool, bytes]:
        """Read one line of a reply: its code, whether it is the last one, its text."""
        if self.file is None:
            self.file = self.sock.makefile("rb")  # type: ignore[union-attr]
        try:
            line = self.file.readline(MAX_LINE_LENGTH)
        except deadline_sockets.ResponseTooLarge:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"Connection unexpectedly closed: {error}") from error
        if not line:
            self.close()
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        match = _LINE.fullmatch(line)
        if match is None:
            self.close()
            raise GarbledReply(f"no reply of SMTP: {line[:100].decode('utf-8', 'replace')}")
        code, mark, text = match.groups(b"")
        return code, mark != b"-", text.strip(b" \t\r")

    def secure(self) -> None:
        """Start TLS. Raises SendError if the server does not offer it: an attacker may have removed the offer."""
        if not self.has_extn("starttls"):
            raise SendError("tls", "The server offers no STARTTLS; nothing secret is said in clear.")
        code, reply = self.docmd("STARTTLS")
        if code != 220:
            raise refusal(code, reply, "tls")
        self.sock = self._secured(self.sock, self._host)  # type: ignore[attr-defined]
        self.file = None  # discard buffered data from before TLS, which an attacker may have injected
        self.greet()

    def greet(self) -> None:
        """Send EHLO, or HELO if the server does not know EHLO. Raises SendError, smtplib's exceptions."""
        code, reply = self.ehlo()
        if code == 421:
            raise refusal(code, reply)
        if code != 250:
            code, reply = self.helo()
        if code != 250:
            raise refusal(code, reply)

    def disconnect(self) -> None:
        """Send QUIT and close. Errors are ignored: a connection broken in the middle of a message is only closed."""
        try:
            with deadline_sockets.deadline(QUIT_TIMEOUT):
                if self.sock is not None:
                    self.quit()
        except OSError:
            pass
        finally:
            self.close()

    def _secured(self, plain: Any, host: str) -> Any:
        try:
            with http_session.marking_errors(Answer.NOT_REACHED):
                return self._context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise


class PooledConnectionLost(smtplib.SMTPServerDisconnected):
    """A pooled connection was closed before any command of this message was accepted."""


def submit(
    pool: SmtpPool[Client], endpoint: Endpoint, connect: Callable[[], Client], message: Message, address: str
) -> Receipt:
    """Send one message on a pooled connection, or on a new one from `connect`. Raises SendError.

    The message cannot have been accepted before the final dot after the body was sent.
    """
    try:
        with pool.slot(endpoint), http_session.marking_errors(Answer.CUT_BEFORE):
            if (pooled := pool.checkout(endpoint)) is not None:
                with suppress(PooledConnectionLost):
                    return _submit_on(pool, endpoint, pooled, message, address, is_pooled=True)
            return _submit_on(pool, endpoint, connect(), message, address)
    except SendError:
        raise
    except smtplib.SMTPResponseException as error:
        raise refusal(error.smtp_code, error.smtp_error) from None
    except (OSError, ValueError) as error:  # smtplib's exceptions are OSErrors
        raise wire_errors.to_send_error(error, sent=False) from None


def open_client(connect: Callable[[], Client], log_in: Callable[[Client], None]) -> Client:
    """Connect, greet and log in; on an error close the connection and raise it."""
    client = connect()
    try:
        client.greet()
        log_in(client)
    except BaseException:
        client.disconnect()
        raise
    return client


def _submit_on(
    pool: SmtpPool[Client],
    endpoint: Endpoint,
    client: Client,
    message: Message,
    address: str,
    *,
    is_pooled: bool = False,
) -> Receipt:
    try:
        receipt = _transfer(client, message, address, is_pooled=is_pooled)
    except BaseException:
        client.disconnect()
        raise
    pool.checkin(endpoint, client)
    return receipt


def _transfer(client: Client, message: Message, address: str, *, is_pooled: bool) -> Receipt:
    with converting_message_errors():
        content = message.as_bytes(address)
        utf8 = message.needs_utf8(address)
    if utf8 and not client.has_extn("smtputf8"):
        raise SendError("recipient_rejected", "An address is not ASCII, and the server offers no SMTPUTF8.")
    _mail_from(client, address, len(content), utf8, is_pooled=is_pooled)
    refused = _rcpt_to(client, message)
    code, reply = client.docmd("DATA")
    if code != 354:
        raise refusal(code, reply)
    client.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
    code, reply = _final_reply(client)
    return Receipt(message.message_id, wire_errors.sanitize(f"{code} {text_of(reply)}"), refused=refused)


def _mail_from(client: Client, address: str, size: int, utf8: bool, *, is_pooled: bool) -> None:
    """Send MAIL FROM. Raises SendError; PooledConnectionLost if a pooled connection fails or the server closed it."""
    options = ""
    if client.has_extn("size"):
        largest = client.esmtp_features["size"]
        if largest.isdecimal() and 0 < int(largest) < size:
            raise SendError("message_too_large", f"The message has {size} bytes; the server takes {largest}.")
        options = f" SIZE={size}"
    if utf8:
        client.command_encoding = "utf-8"
        options += " SMTPUTF8"
    try:
        code, reply = client.docmd("MAIL", f"FROM:<{address_of(address)}>{options}")
    except OSError as error:
        raise (PooledConnectionLost(str(error)) if is_pooled else error) from None
    if code == 421 and is_pooled:
        raise PooledConnectionLost(text_of(reply))
    if code != 250:
        raise refusal(code, reply)


def _rcpt_to(client: Client, message: Message) -> dict[str, str]:
    """Send RCPT TO for each recipient; returns the refused ones with the reply. Raises SendError if all are refused."""
    refused: dict[str, str] = {}
    for recipient in message.recipients:
        code, reply = client.docmd("RCPT", f"TO:<{address_of(recipient)}>")
        if code == 421 or (code not in ACCEPTED_RECIPIENT and code < 400):
            raise refusal(code, reply)
        if code not in ACCEPTED_RECIPIENT:
            refused[recipient] = wire_errors.sanitize(f"{code} {text_of(reply)}")
    if len(refused) == len(message.recipients):
        raise refusal(code, reply)
    return refused


def _final_reply(client: Client) -> tuple[int, bytes]:
    """Read the reply to the final dot. Raises SendError; the outcome is UNKNOWN without a clear reply.

    RFC 5321, 4.3.2, lists only 250. Any other 2xx is formally a success (4.2) but not trusted: 220 or 221 here show
    that replies are out of step.
    """
    try:
        code, reply = client.getreply()
    except OSError as error:
        raise wire_errors.to_send_error(error, sent=True) from None
    if code == 250:
        return code, reply
    failure = refusal(code, reply)
    if failure.answer in DOUBTFUL:
        failure.outcome, failure.retry = Acceptance.UNKNOWN, True
    raise failure


def refusal(code: int, reply: bytes | str, otherwise: str | None = None) -> SendError:
    """Convert an unsuccessful reply to a SendError; `otherwise` is the cause if the reply names none."""
    cause = diagnosis.from_smtp(code, reply)
    if otherwise is not None and cause in ("other", "transient"):
        cause = otherwise
    if not 400 <= code < 600:
        cause = "network"
    answer = Answer.BUSY if 400 <= code < 500 else Answer.REFUSED if 500 <= code < 600 else Answer.FOREIGN
    said = wire_errors.sanitize(f"{code} {text_of(reply)}")
    return SendError(cause, said, Acceptance.NOT_SENT, retry=answer != Answer.REFUSED, answer=answer)


def text_of(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
