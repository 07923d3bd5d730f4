"""Graph sendMail: the request, the meaning of each refusal, and cached tokens."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import unquote

import pytest

from mailer import messages
from mailer.errors import Acceptance, SendError
from mailer.message import Attachment, Message
from mailer.tokens import TokenSource
from mailer.transports import Login, Sender
from mailer.transports.graph import MAX_REQUEST_BYTES, GraphTransport
from sandbox import Sandbox
from tests.mailer.conftest import Arrived, Customer, addressed, failing, sender_of
from tests.mailer.https_server import Answer, HttpsServer, in_turn, reply

GRAPH_ERROR = {"code": "ErrorInternalServerError", "message": "An internal server error occurred."}


@pytest.fixture
def graph(tokens: TokenSource) -> GraphTransport:
    return GraphTransport(tokens, timeout=20)


def send_error(graph: GraphTransport, message: Message, other: HttpsServer, *answers: Answer) -> SendError:
    """The error of a message after these responses of a scripted server."""
    other.routes["/sendMail"] = in_turn(*answers)
    return failing(graph, message, sender_of(other.cloud()))


# The sent message


def test_message_arrives_unchanged(
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


def test_json_contains_the_whole_message(
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
def test_line_breaks_in_a_subject_add_no_headers(
    tokens: TokenSource, customer: Customer, message: Message, arrived: Arrived, body: Literal["mime", "json"]
) -> None:
    hostile = replace(message, subject="Pump\r\nBcc: evil@x.example\0\ud800", headers={"X-A": "a\nb"})
    GraphTransport(tokens, body=body).send(hostile, customer.sender)
    (taken,) = arrived(hostile)
    assert taken["subject"] == "Pump  Bcc: evil@x.example"
    assert taken["to"] == list(message.to)


@pytest.mark.parametrize("body", ["mime", "json"])
def test_invalid_message_is_refused_before_any_request(
    tokens: TokenSource, other: HttpsServer, message: Message, body: Literal["mime", "json"]
) -> None:
    graph = GraphTransport(tokens, body=body)
    bad = addressed(message, "a@x.example\r\nBcc: b@y.example")
    failure = failing(graph, bad, sender_of(other.cloud()))
    assert (failure.cause, failure.outcome) == ("recipient_rejected", Acceptance.NOT_SENT)
    failure = failing(graph, replace(message, headers={"Bcc": "b@y.example"}), sender_of(other.cloud()))
    assert failure.cause == "other"
    assert other.requests == []


def test_too_large_message_is_refused_before_sending(
    graph: GraphTransport, other: HttpsServer, message: Message
) -> None:
    large = replace(message, attachments=(Attachment("a", "a/b", b"x" * MAX_REQUEST_BYTES),))
    assert failing(graph, large, sender_of(other.cloud())).cause == "message_too_large"
    assert other.requests == []


def test_login_is_refused_for_graph(graph: GraphTransport, message: Message) -> None:
    assert failing(graph, message, Sender("a@x.example", login=Login("a", "b"))).cause == "basic_auth_retired"


@pytest.mark.parametrize("address", ["o'brien+x@x.example", "a/b?c#d@x.example", "%2F@x.example"])
def test_address_is_one_path_segment(graph: GraphTransport, other: HttpsServer, message: Message, address: str) -> None:
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
    failure = send_error(graph, message, other, reply(503, b"", **{name: "7f3b", "RETRY-AFTER": "3"}))
    assert (failure.request_ids["request-id"], failure.retry_after) == ("7f3b", 3.0)


def test_request_ids_are_sanitized(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
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
def test_refusal_is_read_in_any_format(
    graph: GraphTransport, other: HttpsServer, message: Message, status: int, body: Any, cause: str, said: str
) -> None:
    failure = send_error(graph, message, other, reply(status, body))
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
def test_5xx_is_doubtful_unless_it_is_graphs_error(
    graph: GraphTransport, other: HttpsServer, message: Message, status: int, body: Any, outcome: Acceptance
) -> None:
    failure = send_error(graph, message, other, reply(status, body))
    assert (failure.cause, failure.outcome, failure.retry) == ("transient", outcome, True)


def test_missing_permission_is_role_missing_after_one_request(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, arrived: Arrived
) -> None:
    sandbox.directory.revoke(customer.app, "Mail.Send")
    before = len(sandbox.ledger.entries())
    assert failing(graph, message, customer.sender).cause == "role_missing"
    assert [entry["kind"] for entry in sandbox.ledger.entries()[before:]] == ["token", "refused"]
    assert arrived(message) == []


def test_opaque_token_is_not_role_missing(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    """A closed token's roles are unknown: a bare 401 or 403 speaks of the token or the mailbox."""
    assert send_error(graph, message, other, reply(403)).cause == "mailbox_access_denied"
    assert send_error(graph, message, other, reply(401)).cause == "token_rejected"
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
    assert steps[-1] == ("permission", str(messages.NOT_IN_TOKEN % {"permission": "Mail.Send"}))
    assert len(arrived(message)) == 1


def test_throttling_has_a_retry_after(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    sandbox.faults.add(service="graph", status=429, headers={"Retry-After": "17"}, mailbox=customer.mailbox.address)
    failure = failing(graph, message, customer.sender)
    assert (failure.cause, failure.outcome, failure.retry, failure.retry_after) == (
        "throttled",
        Acceptance.NOT_SENT,
        True,
        17.0,
    )


# Tokens that were kept


def test_refused_cached_token_is_renewed_once(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    graph.send(message, sender_of(other.cloud()))
    other.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": "opaque-fresh"})
    other.routes["/sendMail"] = in_turn(reply(401), reply(202))
    graph.send(message, sender_of(other.cloud()))
    assert [request.headers["authorization"] for request in other.came("/sendMail")] == [
        "Bearer opaque-7f3a",
        "Bearer opaque-7f3a",
        "Bearer opaque-fresh",
    ]


def test_new_consent_applies_to_a_cached_token(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, arrived: Arrived
) -> None:
    """A token is valid for an hour; new consent must apply before."""
    sandbox.directory.revoke(customer.app, "Mail.Send")
    graph.tokens.token(customer.identity, customer.cloud.graph_scope)
    sandbox.directory.grant(customer.app, "Mail.Send")
    graph.send(message, customer.sender)
    assert len(arrived(message)) == 1


def test_refused_new_token_is_not_renewed(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    assert send_error(graph, message, other, reply(401)).cause == "token_rejected"
    assert (len(other.came("/sendMail")), len(other.came("/token"))) == (1, 1)
    assert send_error(graph, message, other, reply(401)).cause == "token_rejected"
    assert (len(other.came("/sendMail")), len(other.came("/token"))) == (2, 2)


def test_doubtful_request_is_not_repeated(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    graph.send(message, sender_of(other.cloud()))
    before = len(other.came("/sendMail"))
    doubt = reply(504, {"error": {"code": "InvalidAuthenticationToken", "message": "says a gateway"}})
    assert send_error(graph, message, other, doubt).outcome == Acceptance.UNKNOWN
    assert len(other.came("/sendMail")) == before + 1
