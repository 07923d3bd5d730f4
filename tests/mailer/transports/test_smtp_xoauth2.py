"""SMTP at Exchange Online: the login, every reply, and whether the message can have been taken."""

from __future__ import annotations

import base64
import json
import logging
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.errors import Acceptance, SendError
from mailer.errors import Answer as Judged
from mailer.message import Attachment, Message
from mailer.tokens import TokenSource
from mailer.transports import Login, Sender
from mailer.transports.smtp_xoauth2 import MAX_COMMAND_LENGTH, SmtpTransport
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import SECRET, Arrived, Customer, addressed, failing, sender_of
from tests.mailer.https_server import HttpsServer, reply
from tests.mailer.smtp_server import OFFERS, Reply, Script, SmtpServer
from tests.mailer.tcp_server import Cut, Listener, Peer

Make = Callable[[Script], SmtpServer]
LONG_TOKEN = "opaque-" + "x" * 3000


@pytest.fixture
def transport(tokens: TokenSource) -> SmtpTransport:
    return SmtpTransport(tokens, timeout=20)


@pytest.fixture
def send(transport: SmtpTransport, other: HttpsServer, message: Message) -> Callable[..., Any]:
    """Sends by a scripted server; what comes of it, a receipt or a failure."""

    def sent(server: SmtpServer, what: Message | None = None, by: SmtpTransport | None = None) -> Any:
        try:
            return (by or transport).send(what or message, sender_of(other.cloud(smtp=server.address)))
        except SendError as failure:
            return failure

    return sent


def silent(peer: Peer) -> bytes:
    """Never answers: waits until the client has gone."""
    peer.reader.read(1)
    return b""


def cuts(peer: Peer) -> bytes:
    raise Cut


def closes(peer: Peer) -> bytes:
    peer.shut()
    return b""


def proof(server: SmtpServer) -> bytes:
    """What logged in, decoded."""
    (line,) = [line.text for line in server.heard if b"dXNlcj" in line.text]
    return base64.b64decode(line.split(b" ")[-1])


# What arrives


def test_a_message_arrives_as_it_was_written(
    transport: SmtpTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    steps: list[tuple[str, str]] = []
    receipt = transport.send(message, customer.sender, on_step=lambda *step: steps.append(step))
    (taken,) = arrived(message)
    assert taken["mime"].encode() == message.as_bytes(customer.mailbox.address)
    assert (taken["door"], taken["tls"], taken["client_id"]) == ("smtp", True, customer.app.client_id)
    assert (taken["mail_from"], taken["to"]) == (customer.mailbox.address, list(message.to))
    assert receipt.answer.startswith("250 2.0.0 OK")
    assert [step for step, _ in steps] == ["tenant", "token", "permission"]


def test_nothing_is_said_in_clear_but_hello(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script())
    send(server)
    assert server.in_clear().upper() == b"EHLO [127.0.0.1]\nSTARTTLS"
    assert server.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]


def test_a_copy_goes_to_every_recipient(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    server = smtp(Script())
    send(server, replace(message, to=("a@x.example", "b@x.example"), cc=("c@x.example",)))
    rcpt = [line.text for line in server.heard if line.text.startswith(b"RCPT")]
    assert rcpt == [f"RCPT TO:<{name}@x.example>".encode() for name in "abc"]


@pytest.mark.parametrize(
    "text", [".", "..\n.\n.x\n", "a\n.\nMAIL FROM:<x@y.example>\n", "a\r\n.\r\nQUIT\r\n", "a\r.\rb\n"]
)
def test_a_dot_at_the_start_of_a_line_ends_nothing(
    smtp: Make, send: Callable[..., Any], message: Message, text: str
) -> None:
    server = smtp(Script())
    written = replace(message, text=text)
    send(server, written)
    (taken,) = server.messages
    assert re.sub(rb"(?m)^\.\.", b".", taken) == written.as_bytes("alarms@customer.example")
    assert server.verbs()[-2:] == ["RCPT", "DATA"]


@pytest.fixture
def patient(smtp: Make) -> SmtpServer:
    """One server for many examples."""
    return smtp(Script())


@pytest.mark.control(49)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from(".\r\n aé\0"), max_size=40))
def test_no_text_is_taken_for_a_command(
    patient: SmtpServer, send: Callable[..., Any], message: Message, text: str
) -> None:
    before = len(patient.messages)
    send(patient, replace(message, text=text))
    assert len(patient.messages) == before + 1
    assert set(patient.verbs()) == {"EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"}


def test_eight_bit_texts_need_no_8bitmime(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    server = smtp(Script(offers=(b"AUTH XOAUTH2",)))
    send(server, replace(message, subject="Arrêt", text="Arrêt 停止\n", html="<p>Arrêt</p>"))
    assert server.messages[0].isascii()


# Addresses beyond ASCII


def test_an_address_beyond_ascii_asks_for_smtputf8(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    server = smtp(Script())
    send(server, addressed(message, "é@münchen.example"))
    mail, rcpt = (line.text for line in server.heard if line.text[:4] in (b"MAIL", b"RCPT"))
    assert mail.endswith(b" SMTPUTF8")
    assert rcpt == "RCPT TO:<é@xn--mnchen-3ya.example>".encode()
    assert "é@xn--mnchen-3ya.example".encode() in server.messages[0]


@pytest.mark.control(73)
def test_an_international_domain_is_written_by_idna_2008_in_every_command(
    smtp: Make, transport: SmtpTransport, other: HttpsServer, message: Message
) -> None:
    server = smtp(Script())
    sender = replace(sender_of(other.cloud(smtp=server.address)), address="alarms@straße.example")
    transport.send(addressed(message, "ada@faß.example"), sender)
    commands = b"\n".join(line.text for line in server.heard if line.text[:4] in (b"MAIL", b"RCPT"))
    assert b"FROM:<alarms@xn--strae-oqa.example>" in commands
    assert b"TO:<ada@xn--fa-hia.example>" in commands
    (proof,) = (line.text.rpartition(b" ")[2] for line in server.heard if line.text.startswith(b"AUTH"))
    assert base64.b64decode(proof).startswith(b"user=alarms@xn--strae-oqa.example\x01")


def test_without_smtputf8_such_an_address_is_refused_in_a_sentence(
    smtp: Make, send: Callable[..., Any], message: Message
) -> None:
    server = smtp(Script(offers=(b"AUTH XOAUTH2",)))
    failure = send(server, addressed(message, "é@münchen.example"))
    assert (failure.cause, failure.outcome) == ("recipient_rejected", Acceptance.NOT_SENT)
    assert "SMTPUTF8" in failure.technical
    assert send(server, addressed(message, "e@münchen.example")).answer.startswith("250")


@pytest.mark.control(50)
@pytest.mark.parametrize("address", ["a@x.example\r\nRCPT TO:<b@y.example>", "a@x.example> SIZE=1", "a@x.example\0"])
def test_an_address_that_is_a_command_is_refused(
    smtp: Make, send: Callable[..., Any], message: Message, address: str
) -> None:
    server = smtp(Script())
    assert send(server, addressed(message, "ok@x.example", address)).cause == "recipient_rejected"
    assert "RCPT" not in server.verbs()


# The login


def test_a_short_proof_goes_with_the_command(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script())
    send(server)
    assert proof(server) == b"user=alarms@customer.example\x01auth=Bearer opaque-7f3a\x01\x01"
    assert max(len(line.text) for line in server.heard) <= MAX_COMMAND_LENGTH


def test_a_long_proof_waits_for_the_servers_challenge(smtp: Make, send: Callable[..., Any], other: HttpsServer) -> None:
    """A command of more than 512 octets is refused by strict servers (RFC 4954, 4)."""
    other.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": LONG_TOKEN})
    server = smtp(Script({"AUTH": b"334 "}))
    server.script.replies[base64.b64encode(f"user=alarms@customer.example\x01auth=Bearer {LONG_TOKEN}\x01\x01".encode())
                          .decode().upper()] = b"235 in"  # fmt: skip
    assert send(server).answer == "250 2.0.0 taken"
    assert [line.text for line in server.heard if line.text.startswith(b"AUTH")] == [b"AUTH XOAUTH2"]


def test_a_server_that_wants_a_long_proof_at_once_gets_it(
    smtp: Make, send: Callable[..., Any], other: HttpsServer
) -> None:
    other.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": LONG_TOKEN})
    server = smtp(Script({"AUTH": [b"501 5.5.4 no initial response", b"235 in"]}))
    assert send(server).answer == "250 2.0.0 taken"


def test_a_refusal_that_begins_with_a_challenge_is_answered_by_an_empty_line(
    smtp: Make, send: Callable[..., Any]
) -> None:
    challenge = base64.b64encode(json.dumps({"status": "401"}).encode())
    server = smtp(Script({"AUTH": b"334 " + challenge, "": b"535 5.7.3 Authentication unsuccessful"}))
    failure = send(server)
    assert (failure.cause, failure.outcome) == ("token_rejected", Acceptance.NOT_SENT)
    assert b"" in [line.text for line in server.heard]
    assert server.verbs()[-1] == "QUIT"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"535 5.7.3 Authentication unsuccessful [x]", "token_rejected"),
        (b"535 no", "token_rejected"),
        (b"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. x",
         "smtp_auth_disabled"),
        (b"535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated",
         "conditional_access"),
        (b"550 5.7.30 Basic authentication is not supported for Client Submission.", "basic_auth_retired"),
        (b"454 4.7.0 Temporary authentication failure", "transient"),
        (b"421 4.7.66 TLS 1.0 and 1.1 are not supported", "tls"),
        (b"504 5.7.4 Unrecognized authentication type", "smtp_auth_disabled"),
        (b"599 what", "token_rejected"),
        (b"nonsense", "network"),
    ],
)  # fmt: skip
def test_a_login_that_is_refused_is_told_by_its_reply(
    smtp: Make, send: Callable[..., Any], said: bytes, cause: str
) -> None:
    server = smtp(Script({"AUTH": said}))
    failure = send(server)
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)
    assert server.verbs().count("AUTH") == 1
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize(
    ("offers", "said"),
    [
        ((b"AUTH LOGIN PLAIN",), "only AUTH LOGIN PLAIN"),
        ((b"AUTH",), "no AUTH at all"),
        ((b"8BITMIME",), "no AUTH at all"),
    ],
)
def test_a_server_without_xoauth2_says_what_it_lacks(
    smtp: Make, send: Callable[..., Any], offers: tuple[bytes, ...], said: str
) -> None:
    server = smtp(Script(offers=offers))
    failure = send(server)
    assert (failure.cause, failure.outcome) == ("smtp_auth_disabled", Acceptance.NOT_SENT)
    assert said in failure.technical
    assert "AUTH" not in server.verbs()


@pytest.mark.parametrize(
    "offer", [b"AUTH=XOAUTH2", b"auth xoauth2", b"AUTH PLAIN XOAUTH2 LOGIN", b"AUTH=LOGIN XOAUTH2"]
)
def test_xoauth2_may_be_offered_in_any_style(smtp: Make, send: Callable[..., Any], offer: bytes) -> None:
    assert send(smtp(Script(offers=(b"SIZE", offer)))).answer == "250 2.0.0 taken"


def test_what_was_offered_in_clear_counts_no_more_over_tls(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script(offers=(b"8BITMIME",), offers_in_clear=(b"STARTTLS", b"AUTH XOAUTH2")))
    assert send(server).cause == "smtp_auth_disabled"


def test_a_kept_token_that_is_refused_is_renewed_once(smtp: Make, send: Callable[..., Any], other: HttpsServer) -> None:
    """It may have been revoked."""
    assert send(smtp(Script())).answer == "250 2.0.0 taken"
    server = smtp(Script({"AUTH": [b"535 5.7.3 no", b"235 in"]}))
    assert send(server).answer == "250 2.0.0 taken"
    assert (server.verbs().count("AUTH"), len(other.came("/token"))) == (2, 2)


def test_a_fresh_token_that_is_refused_is_refused(smtp: Make, send: Callable[..., Any], other: HttpsServer) -> None:
    server = smtp(Script({"AUTH": b"535 5.7.3 no"}))
    for count in (1, 2):
        assert send(server).cause == "token_rejected"
        assert (server.verbs().count("AUTH"), len(other.came("/token"))) == (count, count)


def test_a_mailbox_with_smtp_switched_off_says_so(
    transport: SmtpTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    sandbox.directory.add_mailbox(customer.tenant, customer.mailbox.address, smtp_auth_enabled=False)
    assert failing(transport, message, customer.sender).cause == "smtp_auth_disabled"


def test_a_login_by_password_is_of_no_use(transport: SmtpTransport, message: Message) -> None:
    assert failing(transport, message, Sender("a@x.example", login=Login("a", "b"))).cause == "basic_auth_retired"


# TLS


@pytest.mark.control(47)
def test_a_server_whose_starttls_was_cut_out_is_shown_nothing(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script(offers_in_clear=OFFERS))
    failure = send(server)
    assert (failure.cause, failure.outcome, failure.retry) == ("tls", Acceptance.NOT_SENT, False)
    assert "STARTTLS" in failure.technical
    assert server.verbs() == ["EHLO", "QUIT"]


@pytest.mark.control(47)
@pytest.mark.parametrize("said", [b"454 4.7.0 TLS not available", b"502 5.5.1 what", b"500 x"])
def test_a_starttls_that_is_refused_is_shown_nothing(smtp: Make, send: Callable[..., Any], said: bytes) -> None:
    server = smtp(Script({"STARTTLS": said}))
    failure = send(server)
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert server.verbs() == ["EHLO", "STARTTLS", "QUIT"]


@pytest.mark.control(47)
@pytest.mark.parametrize("wrong", ["stranger", "expired", "other_host"])
def test_a_token_is_shown_to_nobody_whose_certificate_is_wrong(
    send: Callable[..., Any], authorities: Authorities, stack: ExitStack, wrong: str
) -> None:
    server = stack.enter_context(SmtpServer(getattr(authorities, wrong), Script()))
    failure = send(server)
    assert (failure.cause, failure.outcome, failure.retry) == ("tls", Acceptance.NOT_SENT, False)
    assert server.verbs() == ["EHLO", "STARTTLS"]


@pytest.mark.control(47)
def test_lines_put_between_before_tls_count_for_nothing(
    authorities: Authorities, stack: ExitStack, send: Callable[..., Any]
) -> None:
    """Somebody on the way adds replies behind the server's 220; they must not be read as said over TLS."""

    class Injected(SmtpServer):
        def converse(self, peer: Peer) -> None:
            peer.send(b"220 ready\r\n")
            peer.reader.readline()
            peer.send(b"250-x\r\n250 STARTTLS\r\n")
            peer.reader.readline()
            peer.send(b"220 go ahead\r\n250-evil\r\n250 AUTH XOAUTH2\r\n")
            peer.secure(self.context)
            self.script.replies["GREETING"] = lambda peer: b""
            self.script.implicit = False
            super().converse(peer)

    server = stack.enter_context(Injected(authorities.good, Script(offers_in_clear=(b"8BITMIME",))))
    failure = send(server)
    assert failure.cause == "smtp_auth_disabled"
    assert "AUTH" not in server.verbs()


def test_port_465_is_tls_from_the_first_byte(
    smtp: Make, send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = smtp(Script(implicit=True))
    monkeypatch.setattr("mailer.transports.smtp_xoauth2.IMPLICIT_TLS", server.port)
    assert send(server).answer == "250 2.0.0 taken"
    assert server.in_clear() == b""


def test_a_port_that_speaks_tls_from_the_first_byte_is_left_in_time(
    smtp: Make, send: Callable[..., Any], tokens: TokenSource
) -> None:
    """It waits for us, we for its greeting."""
    failure = send(smtp(Script(implicit=True)), by=SmtpTransport(tokens, timeout=0.5))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.NOT_SENT)


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
def test_a_reply_that_is_no_success_is_told_by_its_code_and_was_not_sent(
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
def test_a_reply_to_the_dot_that_says_neither_yes_nor_no_is_a_doubt(
    smtp: Make, send: Callable[..., Any], said: bytes
) -> None:
    server = smtp(Script({"DOT": said}))
    failure = send(server)
    assert (failure.answer, failure.outcome, failure.retry) == (Judged.FOREIGN, Acceptance.UNKNOWN, True)
    assert len(server.messages) == 1


@pytest.mark.parametrize("said", [b"250 2.0.0 OK", b"250", b"250 ", b"250-2.0.0 a\r\n250 2.0.0 b", b"250-a\r\n250"])
def test_250_to_the_dot_is_a_yes(smtp: Make, send: Callable[..., Any], message: Message, said: bytes) -> None:
    assert send(smtp(Script({"DOT": said}))).message_id == message.message_id


def test_one_recipient_who_is_turned_away_keeps_it_from_nobody_else(
    smtp: Make, send: Callable[..., Any], message: Message
) -> None:
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


def test_a_server_that_ends_among_the_recipients_has_taken_nothing(
    smtp: Make, send: Callable[..., Any], message: Message
) -> None:
    """And what it says is told, not that the line was cut then."""
    server = smtp(Script({"RCPT": [b"250 ok", b"421 4.7.0 closing", b"250 ok"]}))
    failure = send(server, addressed(message, "a@x.example", "b@x.example", "c@x.example"))
    assert (failure.cause, failure.outcome) == ("transient", Acceptance.NOT_SENT)
    assert "DATA" not in server.verbs()


def test_a_size_that_the_server_does_not_take_is_told_before_it_leaves(
    smtp: Make, send: Callable[..., Any], message: Message
) -> None:
    server = smtp(Script(offers=(b"SIZE 5000", b"AUTH XOAUTH2")))
    large = replace(message, attachments=(Attachment("a", "a/b", b"x" * 5000),))
    assert send(server, large).cause == "message_too_large"
    assert "MAIL" not in server.verbs()
    assert send(server).answer == "250 2.0.0 taken"
    (mail,) = [line.text for line in server.heard if line.text.startswith(b"MAIL")]
    assert mail.endswith(f" SIZE={len(message.as_bytes('alarms@customer.example'))}".encode())


@pytest.mark.parametrize("offer", [b"SIZE", b"SIZE 0", b"SIZE many"])
def test_a_size_without_a_limit_is_none(smtp: Make, send: Callable[..., Any], offer: bytes) -> None:
    assert send(smtp(Script(offers=(offer, b"AUTH XOAUTH2")))).answer == "250 2.0.0 taken"


# The line


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [cuts, closes, silent])
def test_a_line_that_fails_before_the_body_leaves_no_doubt(
    smtp: Make, send: Callable[..., Any], tokens: TokenSource, verb: str, fault: Reply
) -> None:
    failure = send(smtp(Script({verb: fault})), by=SmtpTransport(tokens, timeout=0.4))
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.NOT_SENT, True)


@pytest.mark.parametrize("fault", [cuts, closes, silent])
def test_a_line_that_fails_after_the_dot_leaves_a_doubt(
    smtp: Make, send: Callable[..., Any], tokens: TokenSource, fault: Reply
) -> None:
    server = smtp(Script({"DOT": fault}))
    failure = send(server, by=SmtpTransport(tokens, timeout=1.5))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(server.messages) == 1


def test_a_body_that_did_not_leave_whole_leaves_no_doubt(
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
def test_a_doubt_is_told_whether_or_not_the_sandbox_took_the_message(
    transport: SmtpTransport,
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    reset: Literal["before", "after"],
    count: int,
) -> None:
    sandbox.faults.add(door="smtp", reset=reset, mailbox=customer.mailbox.address)
    failure = failing(transport, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(arrived(message)) == count


def test_a_late_yes_is_a_yes(smtp: Make, send: Callable[..., Any]) -> None:
    def late(peer: Peer) -> bytes:
        server.closing.wait(0.3)
        return b"250 2.0.0 late"

    server = smtp(Script({"DOT": late}))
    assert send(server).answer == "250 2.0.0 late"


def test_a_goodbye_that_is_not_answered_does_not_hold_up_what_is_told(
    smtp: Make, send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.transports.smtp_session.QUIT_TIMEOUT", 0.2)
    begun = monotonic()
    assert send(smtp(Script({"RCPT": b"550 5.1.1 unknown", "QUIT": silent}))).cause == "recipient_rejected"
    assert monotonic() - begun < IN_TIME


def test_a_server_that_drips_is_left_in_time(
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


def test_a_closed_port_is_a_network_matter(transport: SmtpTransport, other: HttpsServer, message: Message) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sender = sender_of(other.cloud(smtp=f"localhost:{free.getsockname()[1]}"))
        failure = failing(transport, message, sender)
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.NOT_SENT, True)


def test_what_is_no_mail_server_is_left(
    stack: ExitStack, transport: SmtpTransport, other: HttpsServer, message: Message
) -> None:
    class Web(Listener):
        def converse(self, peer: Peer) -> None:
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = stack.enter_context(Web())
    failure = failing(transport, message, sender_of(other.cloud(smtp=f"localhost:{server.port}")))
    assert failure.outcome == Acceptance.NOT_SENT


def test_an_ipv6_address_may_stand_in_brackets(transport: SmtpTransport, other: HttpsServer, message: Message) -> None:
    failure = failing(transport, message, sender_of(other.cloud(smtp="[::1]:1")))
    assert failure.cause == "network"
    assert "refused" in failure.technical.lower() or "assign" in failure.technical.lower()


# Secrets


@pytest.mark.control(58)
def test_what_a_server_repeats_of_token_and_secret_is_hidden(
    smtp: Make, send: Callable[..., Any], other: HttpsServer
) -> None:
    blob = base64.b64encode(b"user=alarms@customer.example\x01auth=Bearer opaque-7f3a\x01\x01")
    for said in (b"535 opaque-7f3a", b"535 you said " + blob, b"535 " + SECRET.encode()):
        failure = send(smtp(Script({"AUTH": said})))
        assert "[hidden]" in failure.technical
        assert "opaque" not in str(failure)
        assert blob.decode() not in str(failure)
        assert SECRET not in str(failure)


@pytest.mark.control(3)
def test_no_log_at_debug_shows_token_or_secret(
    transport: SmtpTransport, customer: Customer, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        transport.send(message, customer.sender)
    token = transport.tokens.token(customer.identity, customer.cloud.exchange_scope)
    assert token.value not in caplog.text
    assert str(customer.secret.value) not in caplog.text
