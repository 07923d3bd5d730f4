"""Graph sendMail: what arrives, what each refusal means, and whether the message can have been taken."""

from __future__ import annotations

import base64
import json
import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from typing import Any, Literal
from urllib.parse import unquote

import pytest

from mailer.errors import Acceptance, SendError
from mailer.message import Attachment, Message
from mailer.tokens import TokenSource
from mailer.transports import Login, Sender
from mailer.transports.graph import MAX_REQUEST_BYTES, GraphTransport
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import SECRET, Arrived, Customer, addressed, discovery, failing, sender_of
from tests.mailer.https_server import Answer, HttpsServer, Request, in_turn, reply

GRAPH_ERROR = {"code": "ErrorInternalServerError", "message": "An internal server error occurred."}


@pytest.fixture
def graph(tokens: TokenSource) -> GraphTransport:
    return GraphTransport(tokens, timeout=20)


def refused(graph: GraphTransport, message: Message, other: HttpsServer, *answers: Answer) -> SendError:
    """What becomes of another server's answers, in turn."""
    other.routes["/sendMail"] = in_turn(*answers)
    return failing(graph, message, sender_of(other.cloud()))


# What arrives


def test_a_message_arrives_as_it_was_written(
    graph: GraphTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    steps: list[tuple[str, str]] = []
    receipt = graph.send(message, customer.sender, on_step=lambda *step: steps.append(step))
    (taken,) = arrived(message)
    assert taken["mime"].encode() == message.as_bytes(customer.mailbox.address)
    assert (taken["from"], taken["to"]) == (customer.mailbox.address, list(message.to))
    assert receipt.answer == "HTTP 202"
    assert receipt.request_ids == {key: taken[key.replace("-", "_")] for key in ("client-request-id", "request-id")}
    assert [step for step, _ in steps] == ["tenant", "token", "permission"]
    assert steps[2][1] == "Mail.Send"


def test_json_holds_what_the_message_holds(
    tokens: TokenSource, customer: Customer, message: Message, arrived: Arrived
) -> None:
    rich = replace(
        message,
        html="<p>Arrêt</p>",
        cc=("boss@münchen.example",),
        reply_to=("plant@northpark.example",),
        headers={"X-Plant": "3", "Auto-Submitted": "auto-generated"},
        attachments=(Attachment("trend.csv", "text/csv", b"1;2"),),
    )
    GraphTransport(tokens, body="json").send(rich, customer.sender)
    (taken,) = arrived(rich)
    resource = taken["json"]["message"]
    assert resource["body"] == {"contentType": "HTML", "content": "<p>Arrêt</p>"}
    assert taken["to"] == ["oncall@northpark.example", "boss@xn--mnchen-3ya.example"]
    assert resource["internetMessageHeaders"] == [{"name": "X-Plant", "value": "3"}]
    assert base64.b64decode(resource["attachments"][0]["contentBytes"]) == b"1;2"
    assert taken["json"]["saveToSentItems"] is True


@pytest.mark.control(73)
@pytest.mark.parametrize("body", ["mime", "json"])
def test_an_international_domain_is_written_by_idna_2008(
    tokens: TokenSource, other: HttpsServer, message: Message, body: Literal["mime", "json"]
) -> None:
    other.routes["/sendMail"] = reply(202)
    sender = replace(sender_of(other.cloud()), address="alarms@straße.example")
    GraphTransport(tokens, body=body).send(addressed(message, "ada@faß.example"), sender)
    request = next(one for one in other.requests if one.path.endswith("/sendMail"))
    assert "/users/alarms@xn--strae-oqa.example/" in unquote(request.path)
    content = request.body if body == "json" else base64.b64decode(request.body)
    assert b"ada@xn--fa-hia.example" in content


@pytest.mark.control(49)
@pytest.mark.parametrize("body", ["mime", "json"])
def test_breaks_in_a_subject_are_no_headers(
    tokens: TokenSource, customer: Customer, message: Message, arrived: Arrived, body: Literal["mime", "json"]
) -> None:
    hostile = replace(message, subject="Pump\r\nBcc: evil@x.example\0\ud800", headers={"X-A": "a\nb"})
    GraphTransport(tokens, body=body).send(hostile, customer.sender)
    (taken,) = arrived(hostile)
    assert taken["subject"] == "Pump  Bcc: evil@x.example"
    assert taken["to"] == list(message.to)


@pytest.mark.parametrize("body", ["mime", "json"])
def test_a_message_that_cannot_be_written_is_a_failure_and_nothing_is_asked(
    tokens: TokenSource, other: HttpsServer, message: Message, body: Literal["mime", "json"]
) -> None:
    graph = GraphTransport(tokens, body=body)
    bad = addressed(message, "a@x.example\r\nBcc: b@y.example")
    failure = failing(graph, bad, sender_of(other.cloud()))
    assert (failure.cause, failure.outcome) == ("recipient_rejected", Acceptance.NOT_SENT)
    failure = failing(graph, replace(message, headers={"Bcc": "b@y.example"}), sender_of(other.cloud()))
    assert failure.cause == "other"
    assert other.requests == []


def test_a_message_that_is_too_large_is_told_before_it_leaves(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    large = replace(message, attachments=(Attachment("a", "a/b", b"x" * MAX_REQUEST_BYTES),))
    assert failing(graph, large, sender_of(other.cloud())).cause == "message_too_large"
    assert other.requests == []


def test_a_login_is_of_no_use_at_graph(graph: GraphTransport, message: Message) -> None:
    assert failing(graph, message, Sender("a@x.example", login=Login("a", "b"))).cause == "basic_auth_retired"


@pytest.mark.parametrize("address", ["o'brien+x@x.example", "a/b?c#d@x.example", "%2F@x.example"])
def test_an_address_is_one_part_of_the_path(
    graph: GraphTransport, other: HttpsServer, message: Message, address: str
) -> None:
    graph.send(message, replace(sender_of(other.cloud()), address=address))
    (request,) = other.came("/sendMail")
    assert request.path.count("/") == 5
    assert unquote(request.path.split("/")[4]) == address


# Other servers


@pytest.mark.parametrize("name", ["request-id", "Request-Id", "REQUEST-ID"])
def test_header_names_may_be_of_any_case(
    graph: GraphTransport, other: HttpsServer, message: Message, name: str
) -> None:
    other.routes["/sendMail"] = reply(202, b"", **{name: "7f3a"})
    assert graph.send(message, sender_of(other.cloud())).request_ids["request-id"] == "7f3a"
    failure = refused(graph, message, other, reply(503, b"", **{name: "7f3b", "RETRY-AFTER": "3"}))
    assert (failure.request_ids["request-id"], failure.retry_after) == ("7f3b", 3.0)


def test_ids_that_a_server_gives_are_short_and_hold_no_token(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    other.routes["/sendMail"] = reply(202, b"", request_id="opaque-7f3a " + "x" * 5000)
    told = graph.send(message, sender_of(other.cloud())).request_ids["request-id"]
    assert len(told) <= 100
    assert "opaque" not in told


# Refusals


@pytest.mark.parametrize(
    ("status", "body", "cause", "said"),
    [
        (403, {"error": {"code": "ErrorAccessDenied", "message": "N"}}, "mailbox_access_denied", "AccessDenied: N"),
        (404, {"error": {"code": "ErrorInvalidUser", "message": "x"}}, "mailbox_not_found", "ErrorInvalidUser: x"),
        (404, {"error": {"code": "MailboxNotEnabledForRESTAPI"}}, "mailbox_not_found", "MailboxNotEnabledForRESTAPI"),
        (403, {"error": {"code": "ErrorSendAsDenied", "message": "x"}}, "send_as_denied", "ErrorSendAsDenied"),
        (400, {"error": {"code": "ErrorInvalidRecipients"}}, "recipient_rejected", "ErrorInvalidRecipients"),
        (400, {"error": {"code": "ErrorQuotaExceeded"}}, "sending_limit", "ErrorQuotaExceeded"),
        (413, {"error": {"code": "RequestEntityTooLarge"}}, "message_too_large", "RequestEntityTooLarge"),
        (429, {"error": {"code": "ApplicationThrottled"}}, "throttled", "ApplicationThrottled"),
        (400, {"error": "bad", "error_description": "No such thing"}, "other", "bad: No such thing"),
        (400, {"error": ["a"]}, "other", "a"),
        (400, {"error": None}, "other", "HTTP 400 Told"),
        (400, "[1, 2]", "other", "HTTP 400 Told"),
        (418, b"", "other", "HTTP 418 Told"),
        (404, b"\xff\xfe", "mailbox_not_found", "HTTP 404 Told"),
        (400, "[" * 50_000, "other", "HTTP 400 Told"),
    ],
)  # fmt: skip
def test_a_refusal_is_read_in_whatever_shape_it_comes(
    graph: GraphTransport, other: HttpsServer, message: Message, status: int, body: Any, cause: str, said: str
) -> None:
    failure = refused(graph, message, other, reply(status, body))
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)
    assert said in failure.technical
    assert "client-request-id" in failure.request_ids


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (500, {"error": {"code": "ErrorMailboxStoreUnavailable", "message": "x"}}, Acceptance.NOT_SENT),
        (500, {"error": GRAPH_ERROR}, Acceptance.UNKNOWN),
        (500, "<html>Server Error</html>", Acceptance.UNKNOWN),
        (500, b"", Acceptance.UNKNOWN),
        (503, {"error": {"code": "MailboxInfoStale", "message": "x"}}, Acceptance.NOT_SENT),
        (503, "<html>down</html>", Acceptance.UNKNOWN),
        (503, {"error": {"code": "UnknownError", "message": ""}}, Acceptance.UNKNOWN),
        (502, b"", Acceptance.UNKNOWN),
        (504, {"error": {"code": "gatewayTimeout", "message": "x"}}, Acceptance.UNKNOWN),
    ],
)
def test_a_5xx_is_a_doubt_unless_graph_itself_says_no(
    graph: GraphTransport, other: HttpsServer, message: Message, status: int, body: Any, outcome: Acceptance
) -> None:
    failure = refused(graph, message, other, reply(status, body))
    assert (failure.cause, failure.outcome, failure.retry) == ("transient", outcome, True)


def test_an_app_without_the_permission_lacks_the_role_and_is_asked_about_once(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, arrived: Arrived
) -> None:
    sandbox.directory.revoke(customer.app, "Mail.Send")
    before = len(sandbox.ledger.entries())
    assert failing(graph, message, customer.sender).cause == "role_missing"
    assert [entry["kind"] for entry in sandbox.ledger.entries()[before:]] == ["token", "refused"]
    assert arrived(message) == []


def test_a_token_that_cannot_be_read_lacks_no_role(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    """A closed token's roles are unknown: a bare 401 or 403 speaks of the token or the mailbox."""
    assert refused(graph, message, other, reply(403)).cause == "mailbox_access_denied"
    assert refused(graph, message, other, reply(401)).cause == "token_rejected"
    steps: list[tuple[str, str]] = []
    other.routes["/sendMail"] = reply(202)
    graph.send(message, sender_of(other.cloud()), on_step=lambda *step: steps.append(step))
    assert steps[-1] == ("permission", "the token does not show whether it holds Mail.Send")


def test_an_app_that_exchange_scopes_sends_without_a_role_in_its_token(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, arrived: Arrived
) -> None:
    sandbox.directory.scope(customer.app, "Mail.Send", [customer.mailbox.address])
    steps: list[tuple[str, str]] = []
    graph.send(message, customer.sender, on_step=lambda *step: steps.append(step))
    assert steps[-1] == ("permission", "Mail.Send is not in the token")
    assert len(arrived(message)) == 1


def test_throttling_tells_how_long(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    sandbox.faults.add(door="graph", status=429, headers={"Retry-After": "17"}, mailbox=customer.mailbox.address)
    failure = failing(graph, message, customer.sender)
    assert (failure.cause, failure.outcome, failure.retry, failure.retry_after) == (
        "throttled",
        Acceptance.NOT_SENT,
        True,
        17.0,
    )


# Tokens that were kept


def test_a_kept_token_that_is_refused_is_renewed_once(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    graph.send(message, sender_of(other.cloud()))
    other.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": "opaque-fresh"})
    other.routes["/sendMail"] = in_turn(reply(401), reply(202))
    graph.send(message, sender_of(other.cloud()))
    assert [request.headers["authorization"] for request in other.came("/sendMail")] == [
        "Bearer opaque-7f3a",
        "Bearer opaque-7f3a",
        "Bearer opaque-fresh",
    ]


def test_consent_that_came_after_a_kept_token_counts_at_once(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, arrived: Arrived
) -> None:
    """A token lives an hour; nobody waits that long after consenting."""
    sandbox.directory.revoke(customer.app, "Mail.Send")
    graph.tokens.token(customer.identity, customer.cloud.graph_scope)
    sandbox.directory.grant(customer.app, "Mail.Send")
    graph.send(message, customer.sender)
    assert len(arrived(message)) == 1


def test_a_fresh_token_that_is_refused_is_refused(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    assert refused(graph, message, other, reply(401)).cause == "token_rejected"
    assert (len(other.came("/sendMail")), len(other.came("/token"))) == (1, 1)
    assert refused(graph, message, other, reply(401)).cause == "token_rejected"
    assert (len(other.came("/sendMail")), len(other.came("/token"))) == (2, 2)


def test_after_a_doubt_nothing_is_sent_again(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    graph.send(message, sender_of(other.cloud()))
    before = len(other.came("/sendMail"))
    doubt = reply(504, {"error": {"code": "InvalidAuthenticationToken", "message": "says a gateway"}})
    assert refused(graph, message, other, doubt).outcome == Acceptance.UNKNOWN
    assert len(other.came("/sendMail")) == before + 1


# The line


@pytest.mark.parametrize(("reset", "count"), [("before", 0), ("after", 1)])
def test_a_line_that_is_cut_leaves_a_doubt_either_way(
    graph: GraphTransport,
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    reset: Literal["before", "after"],
    count: int,
) -> None:
    sandbox.faults.add(door="graph", reset=reset, mailbox=customer.mailbox.address)
    failure = failing(graph, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert set(failure.request_ids) == {"client-request-id"}
    assert len(arrived(message)) == count


def test_a_token_endpoint_that_is_cut_off_leaves_no_doubt(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    sandbox.faults.add(door="token", reset="after", mailbox=customer.app.client_id)
    failure = failing(graph, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.NOT_SENT)


@pytest.mark.parametrize("drip", [False, True])
def test_a_server_that_never_answers_is_left_in_time(
    tokens: TokenSource, other: HttpsServer, message: Message, drip: bool
) -> None:
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


def test_token_and_message_share_one_time(tokens: TokenSource, other: HttpsServer, message: Message) -> None:
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
def test_a_token_is_shown_to_nobody_whose_certificate_is_wrong(
    graph: GraphTransport, other: HttpsServer, authorities: Authorities, stack: ExitStack, message: Message, fault: str
) -> None:
    wrong = stack.enter_context(HttpsServer(getattr(authorities, fault), authorities.ca_file))
    failure = failing(graph, message, sender_of(other.cloud(graph=f"{wrong.url}/graph")))
    assert (failure.cause, failure.outcome, failure.retry) == ("tls", Acceptance.NOT_SENT, False)
    assert wrong.requests == []


def test_no_redirect_is_shown_the_token(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    failure = refused(graph, message, other, reply(307, b"", location=f"{other.url}/elsewhere"))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert other.came("/elsewhere") == []


def test_proxies_of_the_environment_are_not_shown_the_token(
    graph: GraphTransport, other: HttpsServer, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nothing.pem")
    graph.send(message, sender_of(other.cloud()))
    assert len(other.came("/sendMail")) == 1


# Secrets


@pytest.mark.control(58)
def test_what_a_server_repeats_of_token_and_secret_is_hidden(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    said = f"You sent opaque-7f3a, Bearer opaque-7f3a and {SECRET}"
    failure = refused(graph, message, other, reply(400, {"error": {"code": "x", "message": said}}))
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


# Cost


def test_messages_of_all_mailboxes_share_connections(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    for number in range(10):
        graph.send(message, replace(sender_of(other.cloud()), address=f"{number}@customer.example"))
    assert (len(other.came("/sendMail")), len(other.came("/token"))) == (10, 1)
    assert other.connections == 2  # one to the token endpoint, one to Graph


def test_threads_send_at_once_by_one_transport(
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


def test_what_is_posted_names_its_body_and_asks_for_ids(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    graph.send(message, sender_of(other.cloud()))
    (request,) = other.came("/sendMail")
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["return-client-request-id"] == "true"
    assert base64.b64decode(request.body) == message.as_bytes("alarms@customer.example")
    GraphTransport(graph.tokens, body="json").send(message, sender_of(other.cloud()))
    assert json.loads(other.came("/sendMail")[1].body)["message"]["internetMessageId"] == message.message_id
