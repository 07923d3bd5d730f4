"""SMTP at Exchange Online: each reply and broken connection, and whether the message can have been accepted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from typing import Any, Literal

import pytest

from mailer.errors import Acceptance
from mailer.errors import Answer as Judged
from mailer.message import Attachment, Message
from mailer.tokens import TokenSource
from mailer.transports.smtp_xoauth2 import SmtpTransport
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import Arrived, Customer, addressed, failing, sender_of
from tests.mailer.https_server import HttpsServer
from tests.mailer.smtp_server import Reply, Script, SmtpServer
from tests.mailer.tcp_server import Cut, Listener, Peer
from tests.mailer.transports.smtp_replies import closes, cuts, silent

Make = Callable[[Script], SmtpServer]
LONG_TOKEN = "opaque-" + "x" * 3000


# Replies


@pytest.mark.parametrize(
    ("verb", "said", "cause", "retry"),
    [
        ("GREETING", b"421 4.3.2 Service not available", "throttled", True),
        ("GREETING", b"554 no", "other", False),
        ("EHLO", b"421 4.3.2 The maximum number of concurrent connections has exceeded a limit", "throttled", True),
        ("MAIL", b"432 4.3.2 Concurrent connections limit exceeded", "throttled", True),
        ("MAIL", b"451 4.7.500 Server busy", "throttled", True),
        ("MAIL", b"421 4.4.2 closing", "transient", True),
        ("MAIL", b"550 5.7.60 SMTP; Client does not have permissions to send as this sender", "send_as_denied", False),
        ("MAIL", b"552 5.3.4 Message size exceeds fixed maximum message size", "message_too_large", False),
        ("MAIL", b"550 5.1.8 Access denied, bad outbound sender", "sending_limit", False),
        ("RCPT", b"550 5.1.10 RESOLVER.ADR.RecipientNotFound", "recipient_rejected", False),
        ("RCPT", b"452 4.5.3 Too many recipients", "sending_limit", True),
        ("RCPT", b"451 4.7.1 Greylisted", "transient", True),
        ("RCPT", b"421 4.7.0 closing", "transient", True),
        ("DATA", b"451 4.3.0 later", "transient", True),
        ("DATA", b"554 5.7.1 no", "recipient_rejected", False),
        ("DATA", b"250 what", "network", True),
        ("MAIL", b"221 bye", "network", True),
        ("RCPT", b"220 ready", "network", True),
        ("RCPT", b"354 go on", "network", True),
        ("DOT", b"554 5.2.252 SendAsDenied; a not allowed to send as b", "send_as_denied", False),
        ("DOT", b"554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceeded", "sending_limit", False),
        ("DOT", b"552 5.3.4 too large", "message_too_large", False),
        ("DOT", b"451 4.7.650 busy", "throttled", True),
        ("DOT", b"421 4.3.2 closing", "throttled", True),
        ("DOT", b"550-5.7.60 Client lacks\r\n550 5.7.60 permissions to send as this sender", "send_as_denied", False),
    ],
)  # fmt: skip
def test_unsuccessful_reply_is_classified_by_its_code(
    smtp: Make, send: Callable[..., Any], verb: str, said: bytes, cause: str, retry: bool
) -> None:
    failure = send(smtp(Script({verb: said})))
    assert (failure.cause, failure.outcome, failure.retry) == (cause, Acceptance.NOT_SENT, retry)
    assert failure.technical.startswith(said[:3].decode())
    assert "\n" not in failure.technical


@pytest.mark.parametrize(
    "said",
    [
        b"what", b"354 again", b"199 x", b"999 x", b"2", b"\xff\xff\xff", b"250" + b"x" * 9000, b"250 " + b"x" * 9000,
        b"251 x", b"252 x", b"220 ready", b"221 bye", b"200 OK", b"235 welcome", b"250OK",
        b"250-a\r\n251 b", b"250-a\r\n550 b", b"550-a\r\n250 b", b"250-a\r\nwhat", b"HTTP/1.1 200 OK\r\n\r\n",
        b"\r\n".join([b"250-x"] * 200) + b"\r\n250 x",
    ],
    ids=lambda said: said[:12],
)  # fmt: skip
def test_unclear_reply_to_the_dot_is_doubtful(smtp: Make, send: Callable[..., Any], said: bytes) -> None:
    server = smtp(Script({"DOT": said}))
    failure = send(server)
    assert (failure.answer, failure.outcome, failure.retry) == (Judged.FOREIGN, Acceptance.UNKNOWN, True)
    assert len(server.messages) == 1


@pytest.mark.parametrize("said", [b"250 2.0.0 OK", b"250", b"250 ", b"250-2.0.0 a\r\n250 2.0.0 b", b"250-a\r\n250"])
def test_250_to_the_dot_is_accepted(smtp: Make, send: Callable[..., Any], message: Message, said: bytes) -> None:
    assert send(smtp(Script({"DOT": said}))).message_id == message.message_id


def test_one_refused_recipient_does_not_affect_others(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    server = smtp(Script({"RCPT": [b"250 ok", b"550 5.1.1 unknown", b"451 4.7.1 later", b"251 will forward"]}))
    receipt = send(server, addressed(message, *(f"{name}@x.example" for name in "abcd")))
    assert receipt.refused == {"b@x.example": "550 5.1.1 unknown", "c@x.example": "451 4.7.1 later"}
    assert len(server.messages) == 1


def test_a_message_without_any_recipient_left_is_not_sent(
    smtp: Make, send: Callable[..., Any], message: Message
) -> None:
    server = smtp(Script({"RCPT": b"550 5.1.1 unknown"}))
    failure = send(server, addressed(message, "a@x.example", "b@x.example"))
    assert (failure.cause, failure.outcome) == ("recipient_rejected", Acceptance.NOT_SENT)
    assert "DATA" not in server.verbs()


def test_421_among_recipients_is_not_sent(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    """And what it says is told, not that the line was cut then."""
    server = smtp(Script({"RCPT": [b"250 ok", b"421 4.7.0 closing", b"250 ok"]}))
    failure = send(server, addressed(message, "a@x.example", "b@x.example", "c@x.example"))
    assert (failure.cause, failure.outcome) == ("transient", Acceptance.NOT_SENT)
    assert "DATA" not in server.verbs()


def test_size_limit_is_checked_before_sending(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    server = smtp(Script(offers=(b"SIZE 5000", b"AUTH XOAUTH2")))
    large = replace(message, attachments=(Attachment("a", "a/b", b"x" * 5000),))
    assert send(server, large).cause == "message_too_large"
    assert "MAIL" not in server.verbs()
    assert send(server).answer == "250 2.0.0 taken"
    (mail,) = [line.text for line in server.heard if line.text.startswith(b"MAIL")]
    assert mail.endswith(f" SIZE={len(message.as_bytes('alarms@customer.example'))}".encode())


@pytest.mark.parametrize("offer", [b"SIZE", b"SIZE 0", b"SIZE many"])
def test_size_without_a_value_is_no_limit(smtp: Make, send: Callable[..., Any], offer: bytes) -> None:
    assert send(smtp(Script(offers=(offer, b"AUTH XOAUTH2")))).answer == "250 2.0.0 taken"


# Connection errors


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [cuts, closes, silent])
def test_connection_lost_before_the_body_is_not_doubtful(
    smtp: Make, send: Callable[..., Any], tokens: TokenSource, verb: str, fault: Reply
) -> None:
    failure = send(smtp(Script({verb: fault})), by=SmtpTransport(tokens, timeout=0.4))
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.NOT_SENT, True)


@pytest.mark.parametrize("fault", [cuts, closes, silent])
def test_connection_lost_after_the_dot_is_doubtful(
    smtp: Make, send: Callable[..., Any], tokens: TokenSource, fault: Reply
) -> None:
    server = smtp(Script({"DOT": fault}))
    failure = send(server, by=SmtpTransport(tokens, timeout=1.5))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(server.messages) == 1


def test_partially_sent_body_is_not_doubtful(
    authorities: Authorities, stack: ExitStack, send: Callable[..., Any], message: Message
) -> None:
    """Without the dot no server takes it."""

    class Breaks(SmtpServer):
        def _body(self, peer: Peer) -> None:
            peer.reader.readline()
            raise Cut

    server = stack.enter_context(Breaks(authorities.good, Script(offers=(b"AUTH XOAUTH2",))))
    large = replace(message, attachments=(Attachment("a", "a/b", b"x" * 8_000_000),))
    failure = send(server, large)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.NOT_SENT)


@pytest.mark.parametrize(("reset", "count"), [("before", 0), ("after", 1)])
def test_reset_is_doubtful_with_and_without_acceptance(
    smtp_transport: SmtpTransport,
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    reset: Literal["before", "after"],
    count: int,
) -> None:
    sandbox.faults.add(service="smtp", reset=reset, mailbox=customer.mailbox.address)
    failure = failing(smtp_transport, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(arrived(message)) == count


def test_late_250_is_accepted(smtp: Make, send: Callable[..., Any]) -> None:
    def late(peer: Peer) -> bytes:
        server.closing.wait(0.3)
        return b"250 2.0.0 late"

    server = smtp(Script({"DOT": late}))
    assert send(server).answer == "250 2.0.0 late"


def test_unanswered_quit_does_not_delay_the_result(
    smtp: Make, send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.transports.smtp_session.QUIT_TIMEOUT", 0.2)
    begun = monotonic()
    assert send(smtp(Script({"RCPT": b"550 5.1.1 unknown", "QUIT": silent}))).cause == "recipient_rejected"
    assert monotonic() - begun < IN_TIME


def test_slow_server_times_out(
    stack: ExitStack, send: Callable[..., Any], tokens: TokenSource, authorities: Authorities
) -> None:
    class Drips(SmtpServer):
        def converse(self, peer: Peer) -> None:
            while not self.closing.wait(0.02):
                peer.send(b"220-x\r\n")

    begun = monotonic()
    failure = send(stack.enter_context(Drips(authorities.good, Script())), by=SmtpTransport(tokens, timeout=0.5))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.NOT_SENT)
    assert monotonic() - begun < IN_TIME


def test_closed_port_is_a_network_error(smtp_transport: SmtpTransport, other: HttpsServer, message: Message) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sender = sender_of(other.cloud(smtp=f"localhost:{free.getsockname()[1]}"))
        failure = failing(smtp_transport, message, sender)
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.NOT_SENT, True)


def test_other_protocol_is_refused(
    stack: ExitStack, smtp_transport: SmtpTransport, other: HttpsServer, message: Message
) -> None:
    class Web(Listener):
        def converse(self, peer: Peer) -> None:
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = stack.enter_context(Web())
    failure = failing(smtp_transport, message, sender_of(other.cloud(smtp=f"localhost:{server.port}")))
    assert failure.outcome == Acceptance.NOT_SENT


def test_ipv6_address_in_brackets_is_accepted(
    smtp_transport: SmtpTransport, other: HttpsServer, message: Message
) -> None:
    failure = failing(smtp_transport, message, sender_of(other.cloud(smtp="[::1]:1")))
    assert failure.cause == "network"
    assert "refused" in failure.technical.lower() or "assign" in failure.technical.lower()
