"""Each transport with each response: only the protocol's documented success is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mailer.app_identity import AppIdentity
from mailer.errors import SendError
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports import Login, Sender
from mailer.transports.ews import EwsTransport
from mailer.transports.graph import GraphTransport
from tests.mailer.answers import CASES, Case, expected, made_of
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import app_of, discovery, jwt, sender_of
from tests.mailer.https_server import HttpsServer, reply

EACH = pytest.mark.parametrize("cases", CASES.values(), ids=list(CASES))


@pytest.fixture(scope="module")
def microsoft(authorities: Authorities) -> Iterator[HttpsServer]:
    """One server for all cases."""
    with HttpsServer(authorities.good, authorities.ca_file) as server:
        yield server


@pytest.fixture(scope="module")
def tokens() -> TokenSource:
    return TokenSource()


@pytest.fixture
def server(microsoft: HttpsServer, tokens: TokenSource) -> HttpsServer:
    """With a cached token, so that the scripted response is for the message's request."""
    token = jwt(json.dumps({"roles": ["Mail.Send", "Mail.ReadWrite", "full_access_as_app"]}))
    microsoft.requests.clear()
    microsoft.routes.clear()
    microsoft.routes.update(
        {
            "openid-configuration": lambda request: reply(200, discovery(microsoft))(request),
            "/token": reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}),
            "/messages": reply(201, {"id": "AAk=", "isDraft": True}),
        }
    )
    for scope in (app(microsoft).graph_scope, app(microsoft).cloud.exchange_scope):
        tokens.token(app(microsoft), scope)
    return microsoft


def app(server: HttpsServer) -> AppIdentity:
    return app_of(server.cloud())


@EACH
def test_graph(server: HttpsServer, tokens: TokenSource, message: Message, cases: list[Case]) -> None:
    made = {}
    for case in cases:
        server.routes["/sendMail"] = case.answer
        made[case.name] = made_of(
            lambda seconds: GraphTransport(tokens, timeout=seconds).send(message, sender_of(server.cloud())),
            is_slow=case.is_slow,
        )
    assert made == {case.name: expected(case.graph) for case in cases}


@EACH
def test_ews(server: HttpsServer, tokens: TokenSource, message: Message, cases: list[Case]) -> None:
    made = {}
    for case in cases:
        server.routes["Exchange.asmx"] = case.answer
        made[case.name] = made_of(
            lambda seconds: EwsTransport(tokens, timeout=seconds).send(message, sender_of(server.cloud())),
            is_slow=case.is_slow,
        )
    assert made == {case.name: expected(case.ews) for case in cases}


@EACH
def test_ews_on_premises(server: HttpsServer, tokens: TokenSource, message: Message, cases: list[Case]) -> None:
    endpoint, login = f"{server.url}/EWS/Exchange.asmx", Login("PLANT\\svc", "x")
    sender = Sender("alarms@plant.example", None, login, endpoint, server.ca_file)
    made = {}
    for case in cases:
        server.routes["Exchange.asmx"] = case.answer
        made[case.name] = made_of(
            lambda seconds: EwsTransport(tokens, timeout=seconds).send(message, sender), is_slow=case.is_slow
        )
    assert made == {case.name: expected(case.ews) for case in cases}


@EACH
def test_draft_send_responses(server: HttpsServer, tokens: TokenSource, message: Message, cases: list[Case]) -> None:
    def send(seconds: float) -> None:
        graph = GraphTransport(tokens, timeout=seconds)
        graph.send(message, sender_of(server.cloud()), on_draft=lambda draft: None)

    made = {}
    for case in cases:
        server.routes["/send"] = case.answer
        made[case.name] = made_of(send, is_slow=case.is_slow)
    assert made == {case.name: expected(case.graph) for case in cases}


@EACH
def test_draft_creation_responses(
    server: HttpsServer, tokens: TokenSource, message: Message, cases: list[Case]
) -> None:
    """Nothing was sent after any response, and only a 201 with an id creates a draft."""

    def send(seconds: float) -> None:
        graph = GraphTransport(tokens, timeout=seconds)
        graph.send(message, sender_of(server.cloud()), on_draft=lambda draft: None)

    server.routes["/send"] = reply(202)
    made, due = {}, {}
    for case in cases:
        server.routes["/messages"] = case.answer
        made[case.name] = made_of(send, is_slow=case.is_slow)
        due[case.name] = expected("foreign retry" if case.graph == "sent" else case.graph, carried=False)
    if "201 with JSON" in due:
        due["201 with JSON"] = expected("sent")
    assert made == due
    assert len(server.came("/send")) == sum(what == "sent" for what, _outcome in due.values())


@EACH
@pytest.mark.parametrize("place", ["openid-configuration", "/token"])
def test_a_token(server: HttpsServer, message: Message, cases: list[Case], place: str) -> None:
    server.routes["/sendMail"] = reply(202)
    made = {}
    for case in cases:
        server.routes[place] = case.answer
        made[case.name] = made_of(
            lambda seconds: GraphTransport(TokenSource(), timeout=seconds).send(message, sender_of(server.cloud())),
            is_slow=case.is_slow,
        )
    assert made == {case.name: expected(case.token, carried=False) for case in cases}
    assert server.came("/sendMail") == []


@pytest.mark.parametrize("draft", ["AAk=", ""])
@EACH
def test_draft_lookup_responses(server: HttpsServer, tokens: TokenSource, cases: list[Case], draft: str) -> None:
    """Only Graph's documented responses show that a message was sent, or that there is no draft."""
    found = {}
    for case in cases:
        server.routes["select=isDraft"] = case.answer
        graph = GraphTransport(tokens, timeout=0.3 if case.is_slow else 5)
        with suppress(SendError):
            found[case.name] = graph.find_draft(draft, "<1@x>", sender_of(server.cloud()))
    assert found == {}
