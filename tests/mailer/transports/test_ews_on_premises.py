"""EWS of an Exchange server on premises: login by Basic or NTLM, without token and impersonation."""

from __future__ import annotations

import base64
import logging
import uuid
from contextlib import ExitStack
from dataclasses import replace
from typing import Literal

import pytest

from mailer.clouds_config import load_servers
from mailer.errors import Acceptance
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports import Login, Sender
from mailer.transports.ews import EwsTransport
from sandbox import Sandbox
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import Arrived, failing
from tests.mailer.https_server import HttpsServer, Request, in_turn, reply
from tests.mailer.transports.soap import created, fault, said

PASSWORD = "Wintér-2026/at the plant"
Kind = Literal["basic", "ntlm"]
EACH = pytest.mark.parametrize("kind", ["basic", "ntlm"])


@pytest.fixture
def transport(tokens: TokenSource) -> EwsTransport:
    return EwsTransport(tokens, timeout=20)


@pytest.fixture
def plant(sandbox: Sandbox) -> Sender:
    """A mailbox of the sandbox's Exchange on premises; its login is by NTLM."""
    domain = f"{uuid.uuid4().hex[:12]}.example"
    tenant = sandbox.directory.add_tenant("Plant", domain)
    sandbox.directory.add_mailbox(tenant, f"alarms@{domain}")
    sandbox.directory.add_login(f"PLANT\\svc-{domain}", PASSWORD)
    server = load_servers(sandbox.clouds_file)["onprem"]
    login = Login(f"PLANT\\svc-{domain}", PASSWORD, "ntlm")
    return Sender(f"alarms@{domain}", login=login, endpoint=server.ews, ca_file=server.ca_file)


@pytest.fixture
def server(authorities: Authorities, stack: ExitStack) -> HttpsServer:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes["Exchange.asmx"] = said(created())
    return server


def sender_at(server: HttpsServer, kind: Kind = "basic") -> Sender:
    login = Login("PLANT\\svc", PASSWORD, kind)
    return Sender(
        "alarms@plant.example", login=login, endpoint=f"{server.url}/EWS/Exchange.asmx", ca_file=server.ca_file
    )


def by(sender: Sender, kind: Kind, password: str = PASSWORD) -> Sender:
    assert sender.login is not None
    return replace(sender, login=Login(sender.login.username, password, kind))


@EACH
def test_message_arrives_with_a_login(
    transport: EwsTransport, plant: Sender, message: Message, arrived: Arrived, kind: Kind
) -> None:
    transport.send(message, by(plant, kind))
    (taken,) = arrived(message)
    assert plant.login is not None
    assert taken["login"] == plant.login.username
    assert taken["mime"].encode() == message.as_bytes(plant.address)


@EACH
def test_wrong_password_is_tried_once_and_redacted(
    transport: EwsTransport, plant: Sender, message: Message, arrived: Arrived, kind: Kind
) -> None:
    """A domain locks accounts after a few."""
    failure = failing(transport, message, by(plant, kind, "Summér-2025"))
    assert (failure.cause, failure.outcome, failure.retry) == ("user_sign_in_needed", Acceptance.NOT_SENT, False)
    assert "Summ" not in str(failure)
    assert arrived(message) == []


def test_basic_login_is_one_request(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    for _ in range(2):
        transport.send(message, sender_at(server))
    expected = base64.b64encode(f"PLANT\\svc:{PASSWORD}".encode()).decode()
    assert [request.headers["authorization"] for request in server.requests] == [f"Basic {expected}"] * 2
    assert b"ExchangeImpersonation" not in server.requests[0].body
    assert server.requests[0].headers["x-anchormailbox"] == "alarms@plant.example"
    assert server.connections == 1


def test_ntlm_handshake_is_once_for_a_connection(
    transport: EwsTransport, plant: Sender, message: Message, arrived: Arrived, sandbox: Sandbox
) -> None:
    """An NTLM login is the connection's: a second message on it needs no other."""
    for _ in range(3):
        transport.send(message, plant)
    assert len(arrived(message)) == 3
    ((_, line),) = transport._sessions.values()
    assert line.session_pool_size == 1


def test_changed_password_is_used_immediately(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    transport.send(message, sender_at(server))
    transport.send(message, by(sender_at(server), "basic", "new"))
    assert server.requests[0].headers["authorization"] != server.requests[1].headers["authorization"]


@pytest.mark.parametrize("code", ["ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion"])
def test_older_exchange_gets_its_own_version(
    transport: EwsTransport, server: HttpsServer, message: Message, code: str
) -> None:
    """It refuses the newer ones, with nothing taken; the next message begins with what it knows."""

    def exchange_2013(request: Request) -> bytes:
        if b'RequestServerVersion Version="Exchange2013_SP1"' in request.body:
            version = 'MajorVersion="15" MinorVersion="0" MajorBuildNumber="1497" MinorBuildNumber="2"'
            types = "http://schemas.microsoft.com/exchange/services/2006/types"
            header = f'<h:ServerVersionInfo xmlns:h="{types}" {version} Version="Exchange2013_SP1"/>'
            return said(created(header=header))(request)
        return said(fault(code), 500)(request)

    server.routes["Exchange.asmx"] = exchange_2013
    transport.send(message, sender_at(server))
    tried = len(server.requests)
    assert 2 <= tried <= 6
    transport.send(message, sender_at(server))
    assert len(server.requests) == tried + 1


@pytest.mark.parametrize(
    ("status", "cause"),
    [(401, "user_sign_in_needed"), (403, "mailbox_access_denied"), (429, "throttled"), (404, "other")],
)
def test_refused_login_is_not_diagnosed_as_token_or_retirement(
    transport: EwsTransport, server: HttpsServer, message: Message, status: int, cause: str
) -> None:
    """EWS on premises is not switched off in October 2026."""
    server.routes["Exchange.asmx"] = reply(status)
    failure = failing(transport, message, sender_at(server))
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)
    assert len(server.requests) == 1


def test_send_as_without_permission_is_denied(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    server.routes["Exchange.asmx"] = in_turn(said(created("ErrorSendAsDenied", "Error")))
    assert failing(transport, message, sender_at(server)).cause == "send_as_denied"


@pytest.mark.control(3)
@EACH
def test_no_log_at_debug_shows_the_password(
    transport: EwsTransport, plant: Sender, message: Message, caplog: pytest.LogCaptureFixture, kind: Kind
) -> None:
    with caplog.at_level(logging.DEBUG):
        transport.send(message, by(plant, kind))
    assert plant.login is not None
    assert caplog.records
    assert PASSWORD not in caplog.text
    assert base64.b64encode(f"{plant.login.username}:{PASSWORD}".encode()).decode() not in caplog.text
    assert "TlRMTVNT" not in caplog.text  # how every NTLM message begins


@pytest.mark.control(58)
def test_repeated_password_is_redacted(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    server.routes["Exchange.asmx"] = said(fault("ErrorInvalidRequest", f"You sent {PASSWORD}"), 500)
    failure = failing(transport, message, sender_at(server))
    assert "[hidden]" in failure.technical
    assert PASSWORD not in str(failure)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"endpoint": None}, "needs the address of its EWS service"),
        ({"endpoint": "http://mail.plant.example/EWS/Exchange.asmx"}, 'must begin with "https://"'),
        ({"login": None}, "neither an app nor a login"),
    ],
)
def test_missing_settings_are_reported_before_any_request(
    transport: EwsTransport, server: HttpsServer, message: Message, changes: dict[str, None], sentence: str
) -> None:
    assert sentence in failing(transport, message, replace(sender_at(server), **changes)).technical  # type: ignore[arg-type]
    assert server.connections == 0


def test_repr_does_not_contain_the_password(plant: Sender) -> None:
    assert PASSWORD not in repr(plant)


@pytest.mark.control(47)
@pytest.mark.parametrize("wrong", ["stranger", "expired", "other_host"])
def test_password_is_not_sent_with_a_wrong_certificate(
    transport: EwsTransport, authorities: Authorities, stack: ExitStack, message: Message, wrong: str
) -> None:
    server = stack.enter_context(HttpsServer(getattr(authorities, wrong), authorities.ca_file))
    assert failing(transport, message, sender_at(server)).cause == "tls"
    assert server.requests == []
