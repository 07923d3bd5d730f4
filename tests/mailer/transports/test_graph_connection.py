"""Graph sendMail: broken and untrusted connections, secrets in responses and logs, shared connections."""

from __future__ import annotations

import base64
import json
import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from typing import Literal

import pytest

from mailer.errors import Acceptance, SendError
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports.graph import GraphTransport
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import SECRET, Arrived, Customer, discovery, failing, sender_of
from tests.mailer.https_server import Answer, HttpsServer, Request, in_turn, reply

GRAPH_ERROR = {"code": "ErrorInternalServerError", "message": "An internal server error occurred."}


@pytest.fixture
def graph(tokens: TokenSource) -> GraphTransport:
    return GraphTransport(tokens, timeout=20)


def send_error(graph: GraphTransport, message: Message, other: HttpsServer, *answers: Answer) -> SendError:
    """The error of a message after these responses of a scripted server."""
    other.routes["/sendMail"] = in_turn(*answers)
    return failing(graph, message, sender_of(other.cloud()))


# Connection errors


@pytest.mark.parametrize(("reset", "count"), [("before", 0), ("after", 1)])
def test_connection_reset_is_doubtful(
    graph: GraphTransport,
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    reset: Literal["before", "after"],
    count: int,
) -> None:
    sandbox.faults.add(service="graph", reset=reset, mailbox=customer.mailbox.address)
    failure = failing(graph, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert set(failure.request_ids) == {"client-request-id"}
    assert len(arrived(message)) == count


def test_token_endpoint_reset_is_not_doubtful(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    sandbox.faults.add(service="token", reset="after", mailbox=customer.app.client_id)
    failure = failing(graph, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.NOT_SENT)


@pytest.mark.parametrize("drip", [False, True])
def test_silent_server_times_out(tokens: TokenSource, other: HttpsServer, message: Message, drip: bool) -> None:
    def never(request: Request) -> bytes:
        request.peer.send(b"HTTP/1.1 202 Acc")
        while not other.closing.wait(0.02 if drip else 30):
            request.peer.send(b".")
        return b""

    other.routes["/sendMail"] = never
    begun = monotonic()
    failure = failing(GraphTransport(tokens, timeout=1.5), message, sender_of(other.cloud()))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert monotonic() - begun < IN_TIME


def test_token_and_message_share_one_timeout(tokens: TokenSource, other: HttpsServer, message: Message) -> None:
    def late(request: Request) -> bytes:
        other.closing.wait(2)
        return reply(200, discovery(other))(request)

    def never(request: Request) -> bytes:
        other.closing.wait(30)
        return b""

    other.routes["openid-configuration"] = late
    other.routes["/sendMail"] = never
    begun = monotonic()
    assert failing(GraphTransport(tokens, timeout=3), message, sender_of(other.cloud())).outcome == Acceptance.UNKNOWN
    assert monotonic() - begun < 4.8


@pytest.mark.control(47)
@pytest.mark.parametrize("fault", ["stranger", "expired", "other_host"])
def test_token_is_not_sent_with_a_wrong_certificate(
    graph: GraphTransport, other: HttpsServer, authorities: Authorities, stack: ExitStack, message: Message, fault: str
) -> None:
    wrong = stack.enter_context(HttpsServer(getattr(authorities, fault), authorities.ca_file))
    failure = failing(graph, message, sender_of(other.cloud(graph=f"{wrong.url}/graph")))
    assert (failure.cause, failure.outcome, failure.retry) == ("tls", Acceptance.NOT_SENT, False)
    assert wrong.requests == []


def test_token_is_not_sent_to_a_redirect(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    failure = send_error(graph, message, other, reply(307, b"", location=f"{other.url}/elsewhere"))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert other.came("/elsewhere") == []


def test_environment_proxies_do_not_get_the_token(
    graph: GraphTransport, other: HttpsServer, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nothing.pem")
    graph.send(message, sender_of(other.cloud()))
    assert len(other.came("/sendMail")) == 1


# Secrets


@pytest.mark.control(58)
def test_repeated_token_and_secret_are_redacted(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    said = f"You sent opaque-7f3a, Bearer opaque-7f3a and {SECRET}"
    failure = send_error(graph, message, other, reply(400, {"error": {"code": "x", "message": said}}))
    assert "opaque-7f3a" not in str(failure)
    assert SECRET not in str(failure)


@pytest.mark.control(3)
def test_no_log_at_debug_shows_token_or_secret(
    graph: GraphTransport, customer: Customer, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):
        graph.send(message, customer.sender)
    assert "sendMail" in caplog.text
    token = graph.tokens.token(customer.identity, customer.cloud.graph_scope)
    assert token.value not in caplog.text
    assert str(customer.secret.value) not in caplog.text


# Shared connections


def test_messages_of_all_mailboxes_share_connections(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    for number in range(10):
        graph.send(message, replace(sender_of(other.cloud()), address=f"{number}@customer.example"))
    assert (len(other.came("/sendMail")), len(other.came("/token"))) == (10, 1)
    assert other.connections == 2  # one to the token endpoint, one to Graph


def test_threads_share_a_transport(
    graph: GraphTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    def send() -> None:
        for _ in range(5):
            graph.send(message, customer.sender)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arrived(message)) == 20


def test_request_has_content_type_and_id_headers(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    graph.send(message, sender_of(other.cloud()))
    (request,) = other.came("/sendMail")
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["return-client-request-id"] == "true"
    assert base64.b64decode(request.body) == message.as_bytes("alarms@customer.example")
    GraphTransport(graph.tokens, body="json").send(message, sender_of(other.cloud()))
    assert json.loads(other.came("/sendMail")[1].body)["message"]["internetMessageId"] == message.message_id
