"""SMTP at Exchange Online: the message, its addresses, and secrets in replies and logs."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.errors import Acceptance
from mailer.message import Message
from mailer.transports.smtp_xoauth2 import SmtpTransport
from tests.mailer.conftest import SECRET, Arrived, Customer, addressed, sender_of
from tests.mailer.https_server import HttpsServer
from tests.mailer.smtp_server import Script, SmtpServer

Make = Callable[[Script], SmtpServer]
LONG_TOKEN = "opaque-" + "x" * 3000


# The sent message


def test_message_arrives_unchanged(
    smtp_transport: SmtpTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    steps: list[tuple[str, str]] = []
    receipt = smtp_transport.send(message, customer.sender, on_step=lambda *step: steps.append(step))
    (taken,) = arrived(message)
    assert taken["mime"].encode() == message.as_bytes(customer.mailbox.address)
    assert (taken["service"], taken["tls"], taken["client_id"]) == ("smtp", True, customer.app.client_id)
    assert (taken["mail_from"], taken["to"]) == (customer.mailbox.address, list(message.to))
    assert receipt.answer.startswith("250 2.0.0 OK")
    assert [step for step, _ in steps] == ["tenant", "token", "permission"]


def test_only_ehlo_and_starttls_are_in_clear(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script())
    send(server)
    assert server.in_clear().upper() == b"EHLO [127.0.0.1]\nSTARTTLS"
    assert server.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]


def test_message_is_sent_to_every_recipient(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    server = smtp(Script())
    send(server, replace(message, to=("a@x.example", "b@x.example"), cc=("c@x.example",)))
    rcpt = [line.text for line in server.heard if line.text.startswith(b"RCPT")]
    assert rcpt == [f"RCPT TO:<{name}@x.example>".encode() for name in "abc"]


@pytest.mark.parametrize(
    "text", [".", "..\n.\n.x\n", "a\n.\nMAIL FROM:<x@y.example>\n", "a\r\n.\r\nQUIT\r\n", "a\r.\rb\n"]
)
def test_leading_dot_is_escaped(smtp: Make, send: Callable[..., Any], message: Message, text: str) -> None:
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
def test_text_is_never_read_as_a_command(
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


def test_international_address_uses_smtputf8(smtp: Make, send: Callable[..., Any], message: Message) -> None:
    server = smtp(Script())
    send(server, addressed(message, "é@münchen.example"))
    mail, rcpt = (line.text for line in server.heard if line.text[:4] in (b"MAIL", b"RCPT"))
    assert mail.endswith(b" SMTPUTF8")
    assert rcpt == "RCPT TO:<é@xn--mnchen-3ya.example>".encode()
    assert "é@xn--mnchen-3ya.example".encode() in server.messages[0]


@pytest.mark.control(73)
def test_an_international_domain_is_written_by_idna_2008_in_every_command(
    smtp: Make, smtp_transport: SmtpTransport, other: HttpsServer, message: Message
) -> None:
    server = smtp(Script())
    sender = replace(sender_of(other.cloud(smtp=server.address)), address="alarms@straße.example")
    smtp_transport.send(addressed(message, "ada@faß.example"), sender)
    commands = b"\n".join(line.text for line in server.heard if line.text[:4] in (b"MAIL", b"RCPT"))
    assert b"FROM:<alarms@xn--strae-oqa.example>" in commands
    assert b"TO:<ada@xn--fa-hia.example>" in commands
    (proof,) = (line.text.rpartition(b" ")[2] for line in server.heard if line.text.startswith(b"AUTH"))
    assert base64.b64decode(proof).startswith(b"user=alarms@xn--strae-oqa.example\x01")


def test_international_address_without_smtputf8_is_refused(
    smtp: Make, send: Callable[..., Any], message: Message
) -> None:
    server = smtp(Script(offers=(b"AUTH XOAUTH2",)))
    failure = send(server, addressed(message, "é@münchen.example"))
    assert (failure.cause, failure.outcome) == ("recipient_rejected", Acceptance.NOT_SENT)
    assert "SMTPUTF8" in failure.technical
    assert send(server, addressed(message, "e@münchen.example")).answer.startswith("250")


@pytest.mark.control(50)
@pytest.mark.parametrize("address", ["a@x.example\r\nRCPT TO:<b@y.example>", "a@x.example> SIZE=1", "a@x.example\0"])
def test_address_with_a_command_is_refused(
    smtp: Make, send: Callable[..., Any], message: Message, address: str
) -> None:
    server = smtp(Script())
    assert send(server, addressed(message, "ok@x.example", address)).cause == "recipient_rejected"
    assert "RCPT" not in server.verbs()


# Secrets


@pytest.mark.control(58)
def test_repeated_token_and_secret_are_redacted(smtp: Make, send: Callable[..., Any], other: HttpsServer) -> None:
    blob = base64.b64encode(b"user=alarms@customer.example\x01auth=Bearer opaque-7f3a\x01\x01")
    for said in (b"535 opaque-7f3a", b"535 you said " + blob, b"535 " + SECRET.encode()):
        failure = send(smtp(Script({"AUTH": said})))
        assert "[hidden]" in failure.technical
        assert "opaque" not in str(failure)
        assert blob.decode() not in str(failure)
        assert SECRET not in str(failure)


@pytest.mark.control(3)
def test_no_log_at_debug_shows_token_or_secret(
    smtp_transport: SmtpTransport, customer: Customer, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        smtp_transport.send(message, customer.sender)
    token = smtp_transport.tokens.token(customer.identity, customer.cloud.exchange_scope)
    assert token.value not in caplog.text
    assert str(customer.secret.value) not in caplog.text
