"""Conversations with a mail server, and exactly how far a message came in them.

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
from mailer.message import Message, address_of
from mailer.transports import Receipt
from mailer.transports.mime_errors import writing
from mailer.transports.smtp_pool import Endpoint, SmtpPool

HELO = "[127.0.0.1]"
"""Our name in EHLO; the machine's own would have to be looked up, and would tell more than is needed."""
TAKEN = frozenset({250, 251, 252})
"""Replies that take a recipient: here, passed on, or unverified (RFC 5321, 4.3.2)."""
PARTING = 2.0
"""Seconds to say goodbye in. The message is taken by then, and nothing depends on it."""
LONGEST_LINE = 8192
"""Octets of one line of a reply; RFC 5321, 4.5.3.1.5, allows 512, and servers write more."""
MOST_LINES = 128
"""Lines of one reply. Exchange Online greets with a dozen."""
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?\r?\n", re.DOTALL)
"""Source: RFC 5321, 4.2: the code, a hyphen on all lines but the last, the text."""


class GarbledReply(smtplib.SMTPException):
    """What came is no reply: another protocol's words, a line that was cut off or has no end, lines of several
    codes."""

    proves = Answer.FOREIGN


class Client(smtplib.SMTP):
    """smtplib's client on sockets that end in time. `implicit` is TLS from the first byte, as on port 465."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, *, implicit: bool = False) -> None:
        self._context = context
        self._implicit = implicit
        super().__init__(ascii_host(host), port, HELO)

    def _get_socket(self, host: str, port: int, timeout: Any) -> Any:
        with http_session.proves(Answer.NOT_REACHED):
            plain = deadline_sockets.dial(host, port)
            return self._secured(plain, host) if self._implicit else plain

    def getreply(self) -> tuple[int, bytes]:
        """smtplib takes half a line before the end of a connection for a whole one, and lines of several codes for the
        last of them. Raises GarbledReply, SMTPServerDisconnected."""
        codes: set[bytes] = set()
        texts: list[bytes] = []
        for _line in range(MOST_LINES):
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
        """One line of a reply: its code, whether it is the last one, its text."""
        if self.file is None:
            self.file = self.sock.makefile("rb")  # type: ignore[union-attr]
        try:
            line = self.file.readline(LONGEST_LINE)
        except deadline_sockets.AnswerTooLarge:
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
        """STARTTLS. Raises SendError if the server does not offer it: somebody may have cut it out on the way."""
        if not self.has_extn("starttls"):
            raise SendError("tls", "The server offers no STARTTLS; nothing secret is said in clear.")
        code, reply = self.docmd("STARTTLS")
        if code != 220:
            raise refusal(code, reply, "tls")
        self.sock = self._secured(self.sock, self._host)  # type: ignore[attr-defined]
        self.file = None  # what was said in clear, or put between by somebody, counts no more
        self.greet()

    def greet(self) -> None:
        """EHLO, or HELO where a server knows no other. Raises SendError, smtplib's exceptions."""
        code, reply = self.ehlo()
        if code == 421:
            raise refusal(code, reply)
        if code != 250:
            code, reply = self.helo()
        if code != 250:
            raise refusal(code, reply)

    def part(self) -> None:
        """QUIT if the conversation stands where it can be said; a line cut in the middle of a body is only closed."""
        try:
            with deadline_sockets.deadline(PARTING):
                if self.sock is not None:
                    self.quit()
        except OSError:
            pass
        finally:
            self.close()

    def _secured(self, plain: Any, host: str) -> Any:
        try:
            with http_session.proves(Answer.NOT_REACHED):
                return self._context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise


class Dropped(smtplib.SMTPServerDisconnected):
    """A kept connection was over before a word of this message was said on it."""


def submit(
    lines: SmtpPool[Client], door: Endpoint, connect: Callable[[], Client], message: Message, address: str
) -> Receipt:
    """One message on a kept connection, or on a new one that `connect` logs in. Raises SendError.

    Only once the dot after the body is on its way can the message have been accepted.
    """
    try:
        with lines.room(door), http_session.proves(Answer.CUT_BEFORE):
            if (kept := lines.checkout(door)) is not None:
                with suppress(Dropped):
                    return _converse(lines, door, kept, message, address, is_kept=True)
            return _converse(lines, door, connect(), message, address)
    except SendError:
        raise
    except smtplib.SMTPResponseException as error:
        raise refusal(error.smtp_code, error.smtp_error) from None
    except (OSError, ValueError) as error:  # smtplib's exceptions are OSErrors
        raise wire_errors.failure_of(error, sent=False) from None


def opened(connect: Callable[[], Client], log_in: Callable[[Client], None]) -> Client:
    """Greeted and logged in, or closed again."""
    client = connect()
    try:
        client.greet()
        log_in(client)
    except BaseException:
        client.part()
        raise
    return client


def _converse(
    lines: SmtpPool[Client], door: Endpoint, client: Client, message: Message, address: str, *, is_kept: bool = False
) -> Receipt:
    try:
        receipt = _hand_over(client, message, address, is_kept=is_kept)
    except BaseException:
        client.part()
        raise
    lines.checkin(door, client)
    return receipt


def _hand_over(client: Client, message: Message, address: str, *, is_kept: bool) -> Receipt:
    with writing():
        content = message.as_bytes(address)
        utf8 = message.needs_utf8(address)
    if utf8 and not client.has_extn("smtputf8"):
        raise SendError("recipient_rejected", "An address is not ASCII, and the server offers no SMTPUTF8.")
    _sender(client, address, len(content), utf8, is_kept=is_kept)
    refused = _recipients(client, message)
    code, reply = client.docmd("DATA")
    if code != 354:
        raise refusal(code, reply)
    client.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
    code, reply = _last_reply(client)
    return Receipt(message.message_id, wire_errors.sanitize(f"{code} {text_of(reply)}"), refused=refused)


def _sender(client: Client, address: str, size: int, utf8: bool, *, is_kept: bool) -> None:
    """The first line of a message. Raises Dropped where a kept connection does not take it."""
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
        raise (Dropped(str(error)) if is_kept else error) from None
    if code == 421 and is_kept:
        raise Dropped(text_of(reply))
    if code != 250:
        raise refusal(code, reply)


def _recipients(client: Client, message: Message) -> dict[str, str]:
    """Who was turned away and why. Raises SendError if nobody is left."""
    refused: dict[str, str] = {}
    for recipient in message.recipients:
        code, reply = client.docmd("RCPT", f"TO:<{address_of(recipient)}>")
        if code == 421 or (code not in TAKEN and code < 400):
            raise refusal(code, reply)
        if code not in TAKEN:
            refused[recipient] = wire_errors.sanitize(f"{code} {text_of(reply)}")
    if len(refused) == len(message.recipients):
        raise refusal(code, reply)
    return refused


def _last_reply(client: Client) -> tuple[int, bytes]:
    """The answer to the dot. Without one, or with one that is not exactly yes or no, the message may be taken.

    RFC 5321, 4.3.2, lists 250 alone. Any other 2xx would be enough to go on (4.2), but not to believe: 220 or 221 in
    this place show that the conversation is out of step.
    """
    try:
        code, reply = client.getreply()
    except OSError as error:
        raise wire_errors.failure_of(error, sent=True) from None
    if code == 250:
        return code, reply
    failure = refusal(code, reply)
    if failure.answer in DOUBTFUL:
        failure.outcome, failure.retry = Acceptance.UNKNOWN, True
    raise failure


def refusal(code: int, reply: bytes | str, otherwise: str | None = None) -> SendError:
    """A reply that is no success, as a Failure; `otherwise` is its cause if the reply itself names none."""
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
