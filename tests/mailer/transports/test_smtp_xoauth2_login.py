"""SMTP at Exchange Online: STARTTLS and the login by XOAUTH2."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from mailer.errors import Acceptance
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports import Login, Sender
from mailer.transports.smtp_xoauth2 import MAX_COMMAND_LENGTH, SmtpTransport
from sandbox import Sandbox
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import Customer, failing
from tests.mailer.https_server import HttpsServer, reply
from tests.mailer.smtp_server import OFFERS, Script, SmtpServer
from tests.mailer.tcp_server import Peer
from tests.mailer.transports.smtp_replies import credentials

Make = Callable[[Script], SmtpServer]
LONG_TOKEN = "opaque-" + "x" * 3000


# The login


def test_short_token_is_an_initial_response(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script())
    send(server)
    assert credentials(server) == b"user=alarms@customer.example\x01auth=Bearer opaque-7f3a\x01\x01"
    assert max(len(line.text) for line in server.heard) <= MAX_COMMAND_LENGTH


def test_long_token_is_sent_after_the_challenge(smtp: Make, send: Callable[..., Any], other: HttpsServer) -> None:
    """A command of more than 512 octets is refused by strict servers (RFC 4954, 4)."""
    other.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": LONG_TOKEN})
    server = smtp(Script({"AUTH": b"334 "}))
    server.script.replies[base64.b64encode(f"user=alarms@customer.example\x01auth=Bearer {LONG_TOKEN}\x01\x01".encode())
                          .decode().upper()] = b"235 in"  # fmt: skip
    assert send(server).answer == "250 2.0.0 taken"
    assert [line.text for line in server.heard if line.text.startswith(b"AUTH")] == [b"AUTH XOAUTH2"]


def test_long_token_is_sent_as_initial_response_on_501(
    smtp: Make, send: Callable[..., Any], other: HttpsServer
) -> None:
    other.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": LONG_TOKEN})
    server = smtp(Script({"AUTH": [b"501 5.5.4 no initial response", b"235 in"]}))
    assert send(server).answer == "250 2.0.0 taken"


def test_challenge_of_a_refusal_gets_an_empty_line(smtp: Make, send: Callable[..., Any]) -> None:
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
def test_refused_login_is_classified_by_its_reply(
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
def test_server_without_xoauth2_is_reported(
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


def test_offers_before_tls_are_discarded(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script(offers=(b"8BITMIME",), offers_in_clear=(b"STARTTLS", b"AUTH XOAUTH2")))
    assert send(server).cause == "smtp_auth_disabled"


def test_refused_cached_token_is_renewed_once(smtp: Make, send: Callable[..., Any], other: HttpsServer) -> None:
    """It may have been revoked."""
    assert send(smtp(Script())).answer == "250 2.0.0 taken"
    server = smtp(Script({"AUTH": [b"535 5.7.3 no", b"235 in"]}))
    assert send(server).answer == "250 2.0.0 taken"
    assert (server.verbs().count("AUTH"), len(other.came("/token"))) == (2, 2)


def test_refused_new_token_is_not_renewed(smtp: Make, send: Callable[..., Any], other: HttpsServer) -> None:
    server = smtp(Script({"AUTH": b"535 5.7.3 no"}))
    for count in (1, 2):
        assert send(server).cause == "token_rejected"
        assert (server.verbs().count("AUTH"), len(other.came("/token"))) == (count, count)


def test_mailbox_with_smtp_disabled_is_reported(
    smtp_transport: SmtpTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    sandbox.directory.add_mailbox(customer.tenant, customer.mailbox.address, smtp_auth_enabled=False)
    assert failing(smtp_transport, message, customer.sender).cause == "smtp_auth_disabled"


def test_login_by_password_is_refused(smtp_transport: SmtpTransport, message: Message) -> None:
    assert failing(smtp_transport, message, Sender("a@x.example", login=Login("a", "b"))).cause == "basic_auth_retired"


# TLS


@pytest.mark.control(47)
def test_server_without_starttls_gets_no_token(smtp: Make, send: Callable[..., Any]) -> None:
    server = smtp(Script(offers_in_clear=OFFERS))
    failure = send(server)
    assert (failure.cause, failure.outcome, failure.retry) == ("tls", Acceptance.NOT_SENT, False)
    assert "STARTTLS" in failure.technical
    assert server.verbs() == ["EHLO", "QUIT"]


@pytest.mark.control(47)
@pytest.mark.parametrize("said", [b"454 4.7.0 TLS not available", b"502 5.5.1 what", b"500 x"])
def test_refused_starttls_gets_no_token(smtp: Make, send: Callable[..., Any], said: bytes) -> None:
    server = smtp(Script({"STARTTLS": said}))
    failure = send(server)
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert server.verbs() == ["EHLO", "STARTTLS", "QUIT"]


@pytest.mark.control(47)
@pytest.mark.parametrize("wrong", ["stranger", "expired", "other_host"])
def test_token_is_not_sent_with_a_wrong_certificate(
    send: Callable[..., Any], authorities: Authorities, stack: ExitStack, wrong: str
) -> None:
    server = stack.enter_context(SmtpServer(getattr(authorities, wrong), Script()))
    failure = send(server)
    assert (failure.cause, failure.outcome, failure.retry) == ("tls", Acceptance.NOT_SENT, False)
    assert server.verbs() == ["EHLO", "STARTTLS"]


@pytest.mark.control(47)
def test_replies_injected_before_tls_are_discarded(
    authorities: Authorities, stack: ExitStack, send: Callable[..., Any]
) -> None:
    """An attacker adds replies after the server's 220; they must not be read as received over TLS."""

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


def test_port_465_uses_implicit_tls(smtp: Make, send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    server = smtp(Script(implicit=True))
    monkeypatch.setattr("mailer.transports.smtp_xoauth2.IMPLICIT_TLS", server.port)
    assert send(server).answer == "250 2.0.0 taken"
    assert server.in_clear() == b""


def test_implicit_tls_on_another_port_times_out(smtp: Make, send: Callable[..., Any], tokens: TokenSource) -> None:
    """It waits for us, we for its greeting."""
    failure = send(smtp(Script(implicit=True)), by=SmtpTransport(tokens, timeout=0.5))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.NOT_SENT)
