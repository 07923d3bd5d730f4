"""EWS: broken, silent and untrusted connections, and whether the message can have been accepted."""

from __future__ import annotations

from contextlib import ExitStack
from time import monotonic
from typing import Literal

import pytest

from mailer.errors import Acceptance
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports.ews import EwsTransport
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import Arrived, Customer, failing, sender_of
from tests.mailer.https_server import HttpsServer, Request
from tests.mailer.transports.ews_client import posted, send_error, warm_up
from tests.mailer.transports.soap import created, said

BLOCKED = "ews_blocked"


@pytest.fixture
def transport(tokens: TokenSource) -> EwsTransport:
    return EwsTransport(tokens, timeout=20)


@pytest.fixture
def server(other: HttpsServer) -> HttpsServer:
    """Another Exchange Online, which takes everything."""
    other.routes["Exchange.asmx"] = said(created())
    return other


# Connection errors


@pytest.mark.parametrize(("reset", "count"), [("before", 0), ("after", 1)])
def test_connection_reset_is_doubtful(
    transport: EwsTransport,
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    reset: Literal["before", "after"],
    count: int,
) -> None:
    sandbox.faults.add(service="ews", reset=reset, mailbox=customer.mailbox.address)
    failure = failing(transport, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(arrived(message)) == count


def test_lost_answer_is_doubtful_with_several_connections(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    """exchangelib would tell it as a busy server, which has surely taken nothing: the message would be sent twice."""
    warm_up(transport, server, message)
    before = len(posted(server))

    def cuts(request: Request) -> bytes:
        request.peer.shut()
        return b""

    failure = send_error(transport, message, server, cuts)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(posted(server)) == before + 1


@pytest.mark.parametrize("drip", [False, True])
def test_silent_server_times_out(tokens: TokenSource, server: HttpsServer, message: Message, drip: bool) -> None:
    def never(request: Request) -> bytes:
        request.peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<")
        while not server.closing.wait(0.02 if drip else 30):
            request.peer.send(b" ")
        return b""

    begun = monotonic()
    failure = send_error(EwsTransport(tokens, timeout=1.5), message, server, never)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert monotonic() - begun < IN_TIME


def test_closed_port_accepts_nothing(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    failure = failing(transport, message, sender_of(server.cloud(ews="https://localhost:1/EWS/Exchange.asmx")))
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.NOT_SENT, True)


@pytest.mark.control(47)
@pytest.mark.parametrize("wrong", ["stranger", "expired", "other_host"])
def test_token_is_not_sent_with_a_wrong_certificate(
    transport: EwsTransport,
    server: HttpsServer,
    authorities: Authorities,
    stack: ExitStack,
    message: Message,
    wrong: str,
) -> None:
    door = stack.enter_context(HttpsServer(getattr(authorities, wrong), authorities.ca_file))
    failure = failing(transport, message, sender_of(server.cloud(ews=f"{door.url}/EWS/Exchange.asmx")))
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert door.requests == []


def test_ca_file_is_trusted_only_for_its_cloud(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    """exchangelib knows one adapter for the whole process."""
    transport.send(message, sender_of(server.cloud()))  # and its token is kept
    failure = failing(transport, message, sender_of(server.cloud(ca_file=None)))
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    transport.send(message, sender_of(server.cloud()))
    assert len(posted(server)) == 2


def test_environment_bundles_and_proxies_are_ignored(
    transport: EwsTransport, server: HttpsServer, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nothing.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    transport.send(message, sender_of(server.cloud()))
    assert len(posted(server)) == 1


def test_an_address_without_tls_is_refused(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    failure = failing(transport, message, sender_of(server.cloud(ews=server.url.replace("https", "http"))))
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert server.requests == []
