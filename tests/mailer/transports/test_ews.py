"""EWS: the request and its message, tokens, secrets and connections, with known pitfalls of exchangelib 5.6."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from time import monotonic
from xml.etree import ElementTree

import pytest
from exchangelib.protocol import Protocol

from mailer.errors import Acceptance
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports import ews
from mailer.transports.ews import EwsTransport
from tests.helpers.timeouts import IN_TIME
from tests.mailer.conftest import SECRET, Arrived, Customer, addressed, failing, sender_of
from tests.mailer.https_server import HttpsServer, in_turn, reply
from tests.mailer.transports.ews_client import issue_token, posted, send_error
from tests.mailer.transports.soap import TYPES, created, fault, said

BLOCKED = "ews_blocked"


@pytest.fixture
def transport(tokens: TokenSource) -> EwsTransport:
    return EwsTransport(tokens, timeout=20)


@pytest.fixture
def server(other: HttpsServer) -> HttpsServer:
    """Another Exchange Online, which takes everything."""
    other.routes["Exchange.asmx"] = said(created())
    return other


# The sent message


def test_message_arrives_unchanged(
    transport: EwsTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    steps: list[tuple[str, str]] = []
    receipt = transport.send(message, customer.sender, on_step=lambda *step: steps.append(step))
    (taken,) = arrived(message)
    assert taken["mime"].encode() == message.as_bytes(customer.mailbox.address)
    assert (taken["disposition"], taken["user_agent"]) == ("SendOnly", "alertadmin")
    assert receipt.answer == "NoError"
    assert receipt.request_ids["client-request-id"] == taken["client_request_id"]
    assert "request-id" in receipt.request_ids
    assert [step for step, _ in steps] == ["tenant", "token", "permission"]


def test_a_message_is_exactly_one_request(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    """Without autodiscover, lookup of Sent Items and detection of the version."""
    transport.send(message, sender_of(server.cloud()))
    assert [request.path.rsplit("/", 1)[-1] for request in server.requests] == [
        "openid-configuration",
        "token",
        "Exchange.asmx",
    ]


def test_second_message_is_one_request(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    for _ in range(2):
        transport.send(message, sender_of(server.cloud()))
    assert len(server.requests) == 4


def test_mailbox_is_impersonated_and_sent_as_anchor(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    transport.send(message, sender_of(server.cloud()))
    (request,) = posted(server)
    envelope = ElementTree.fromstring(request.body)
    acted_for = envelope.find(
        f".//{{{TYPES}}}ExchangeImpersonation/{{{TYPES}}}ConnectingSID/{{{TYPES}}}PrimarySmtpAddress"
    )
    assert acted_for is not None
    assert acted_for.text == "alarms@customer.example"
    assert request.headers["x-anchormailbox"] == "alarms@customer.example"
    assert request.headers["authorization"] == "Bearer opaque-7f3a"


def test_a_mailbox_of_an_international_domain_is_impersonated_by_its_ascii_form(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    transport.send(message, replace(sender_of(server.cloud()), address="alarms@straße.example"))
    (request,) = posted(server)
    assert b">alarms@xn--strae-oqa.example<" in request.body
    assert request.headers["x-anchormailbox"] == "alarms@xn--strae-oqa.example"


def test_invalid_message_is_refused_before_any_request(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    failure = failing(transport, addressed(message, "a@x.example, b@y.example"), sender_of(server.cloud()))
    assert (failure.cause, failure.outcome) == ("recipient_rejected", Acceptance.NOT_SENT)
    assert server.requests == []


# Known pitfalls of exchangelib: tokens


def test_exchangelib_requests_no_token(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    """exchangelib would request a token for outlook.office365.com from login.microsoftonline.com in every cloud."""
    transport.send(message, sender_of(server.cloud(exchange_resource="https://partner.outlook.cn")))
    (asked,) = server.came("/token")
    assert asked.form["scope"] == "https://partner.outlook.cn/.default"
    assert asked.form["client_secret"] == SECRET


@pytest.mark.parametrize("expires_in", [0, -5, 1])
def test_expired_token_causes_no_retry_loop(
    transport: EwsTransport, server: HttpsServer, message: Message, expires_in: int
) -> None:
    server.routes["/token"] = reply(200, {"expires_in": expires_in, "access_token": "opaque-7f3a"})
    begun = monotonic()
    failure = send_error(transport, message, server, reply(401))
    assert failure.cause == "token_rejected"
    assert len(posted(server)) == 1
    assert monotonic() - begun < IN_TIME


def test_refused_cached_token_is_renewed_once(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    transport.send(message, sender_of(server.cloud()))
    issue_token(server, "opaque-fresh")
    server.routes["Exchange.asmx"] = in_turn(reply(401), said(created()))
    transport.send(message, sender_of(server.cloud()))
    assert [request.headers["authorization"] for request in posted(server)] == [
        "Bearer opaque-7f3a",
        "Bearer opaque-7f3a",
        "Bearer opaque-fresh",
    ]


def test_new_token_replaces_the_session(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    sender = sender_of(server.cloud())
    assert sender.app is not None
    for number in range(5):
        issue_token(server, f"opaque-{number}")
        transport.send(message, sender)
        transport.tokens.forget(sender.app, sender.app.cloud.exchange_scope)
    assert [request.headers["authorization"] for request in posted(server)] == [f"Bearer opaque-{n}" for n in range(5)]
    assert len(transport._sessions) == len(transport._accounts) == 1


def test_exchangelibs_protocol_cache_does_not_grow(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    before = len(Protocol._protocol_cache)
    for number in range(5):
        issue_token(server, f"opaque-{number}")
        sender = sender_of(server.cloud())
        assert sender.app is not None
        transport.send(message, replace(sender, app=replace(sender.app, client_id=str(number))))
    assert len(Protocol._protocol_cache) == before


def test_sessions_and_accounts_are_limited(
    transport: EwsTransport, server: HttpsServer, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ews, "MAX_SESSIONS", 2)
    monkeypatch.setattr(ews, "MAX_ACCOUNTS", 3)
    sender = sender_of(server.cloud())
    assert sender.app is not None
    for number in range(4):
        of_app = replace(sender, app=replace(sender.app, client_id=str(number)))
        for mailbox in ("a@customer.example", "b@customer.example"):
            transport.send(message, replace(of_app, address=mailbox))
    assert (len(transport._sessions), len(transport._accounts)) == (2, 3)
    assert {key[0] for key in transport._accounts} == {id(line) for _, line in transport._sessions.values()}


# Secrets


@pytest.mark.control(58)
def test_repeated_token_and_secret_are_redacted(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    words = f"You sent opaque-7f3a and {SECRET}"
    for answer in (
        said(fault("ErrorInvalidRequest", words), 500),
        said(created("ErrorInvalidRequest", "Error", text=words)),
        reply(403, b"", X_MS_Diagnostics=words),
    ):
        failure = send_error(transport, message, server, answer)
        assert "opaque-7f3a" not in str(failure)
        assert SECRET not in str(failure)


@pytest.mark.control(3)
def test_no_log_at_debug_shows_token_or_secret(
    transport: EwsTransport, customer: Customer, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    """exchangelib logs all headers at DEBUG, requests-oauthlib the token itself."""
    with caplog.at_level(logging.DEBUG):
        transport.send(message, customer.sender)
    token = transport.tokens.token(customer.identity, customer.cloud.exchange_scope)
    assert "exchangelib" in {record.name.partition(".")[0] for record in caplog.records}
    assert token.value not in caplog.text
    assert str(customer.secret.value) not in caplog.text


# Shared connections


def test_the_mailboxes_of_an_app_share_a_connection(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    for number in range(10):
        transport.send(message, replace(sender_of(server.cloud()), address=f"{number}@customer.example"))
    assert {request.headers["x-anchormailbox"] for request in posted(server)} == {
        f"{number}@customer.example" for number in range(10)
    }
    assert server.connections == 2  # one to the token endpoint, one to Exchange


def test_threads_share_a_transport(
    transport: EwsTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    failures: list[BaseException] = []

    def send() -> None:
        try:
            for _ in range(5):
                transport.send(message, customer.sender)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(arrived(message)) == 20
