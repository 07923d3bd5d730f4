"""Sending by a draft: the state after each step, and the later lookup."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal

import pytest

from mailer.errors import Acceptance, SendError
from mailer.errors import Answer as Judged
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports import DraftingTransport
from mailer.transports.ews import EwsTransport
from mailer.transports.graph import GraphTransport
from mailer.transports.smtp_xoauth2 import SmtpTransport
from sandbox import Sandbox
from tests.mailer.conftest import Arrived, Customer, jwt, sender_of
from tests.mailer.https_server import Answer, HttpsServer, in_turn, reply

ITEM_NOT_FOUND = reply(404, {"error": {"code": "ErrorItemNotFound", "message": "The specified object was not found."}})
DENIED = reply(403, {"error": {"code": "ErrorAccessDenied", "message": "Access is denied."}})


@pytest.fixture
def graph(tokens: TokenSource) -> GraphTransport:
    return GraphTransport(tokens, timeout=20)


@pytest.fixture
def customer(customer: Customer, sandbox: Sandbox) -> Customer:
    """Who granted what drafts need."""
    sandbox.directory.grant(customer.app, "Mail.ReadWrite")
    return customer


@pytest.fixture
def other(other: HttpsServer) -> HttpsServer:
    """Another Microsoft that takes drafts."""
    token = jwt(json.dumps({"roles": ["Mail.Send", "Mail.ReadWrite"]}))
    other.routes.update(
        {
            "/token": reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}),
            "/messages": reply(201, {"id": "AAk=", "isDraft": True}),
            "/send": reply(202),
        }
    )
    return other


class Kept:
    """What was kept of a draft, in the order of the telling; `fails` at that one."""

    def __init__(self, fails: int | None = None) -> None:
        self.told: list[str] = []
        self.fails = fails

    def __call__(self, draft: str) -> None:
        if self.fails == len(self.told):
            raise OSError("disk full")
        self.told.append(draft)


def kinds(sandbox: Sandbox, customer: Customer) -> list[str]:
    """What the ledger holds of the customer's mailbox, in order."""
    return [entry["kind"] for entry in sandbox.ledger.entries() if entry.get("mailbox") == customer.mailbox.address]


def failing(graph: GraphTransport, message: Message, customer: Customer, kept: Kept | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        graph.send(message, customer.sender, on_draft=kept or Kept())
    return caught.value


# Creation and sending


@pytest.mark.parametrize("body", ["mime", "json"])
def test_draft_is_created_stored_and_sent(
    tokens: TokenSource,
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    body: Literal["mime", "json"],
) -> None:
    kept = Kept()
    receipt = GraphTransport(tokens, body=body).send(message, customer.sender, on_draft=kept)
    (taken,) = arrived(message)
    assert (taken["subject"], taken["to"]) == (message.subject, list(message.to))
    assert kinds(sandbox, customer) == ["draft", "message"]
    assert kept.told[0] == ""
    assert kept.told[1].startswith("AAkALg")  # an immutable one
    assert (receipt.answer, receipt.message_id) == ("HTTP 202", message.message_id)
    assert receipt.request_ids["request-id"] == taken["request_id"]


def test_no_draft_is_created_without_on_draft(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    graph.send(message, customer.sender)
    assert kinds(sandbox, customer) == ["message"]


def test_without_the_permission_it_is_sent_in_one_call(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    sandbox.directory.revoke(customer.app, "Mail.ReadWrite")
    kept = Kept()
    graph.send(message, customer.sender, on_draft=kept)
    assert (kinds(sandbox, customer), kept.told) == (["message"], [])


@pytest.mark.parametrize(("fails", "left"), [(0, []), (1, ["draft"])])
def test_draft_is_not_sent_if_its_id_cannot_be_stored(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, fails: int, left: list[str]
) -> None:
    with pytest.raises(OSError, match="disk full"):
        graph.send(message, customer.sender, on_draft=Kept(fails))
    assert kinds(sandbox, customer) == left


@pytest.mark.parametrize("reset", ["before", "after"])
def test_lost_answer_to_draft_creation_is_not_sent(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, reset: Literal["before", "after"]
) -> None:
    sandbox.faults.add("graph", reset=reset, stage="draft", mailbox=customer.mailbox.address)
    kept = Kept()
    failure = failing(graph, message, customer, kept)
    assert (failure.cause, failure.outcome, kept.told) == ("network", Acceptance.NOT_SENT, [""])


@pytest.mark.parametrize("reset", ["before", "after"])
def test_lost_answer_to_draft_send_is_doubtful(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, reset: Literal["before", "after"]
) -> None:
    sandbox.faults.add("graph", reset=reset, mailbox=customer.mailbox.address)
    assert failing(graph, message, customer).outcome == Acceptance.UNKNOWN


@pytest.mark.parametrize("stage", ["draft", "data"])
def test_throttling_is_reported_at_either_request(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, stage: Literal["draft", "data"]
) -> None:
    sandbox.faults.add("graph", 429, headers={"Retry-After": "17"}, stage=stage, mailbox=customer.mailbox.address)
    failure = failing(graph, message, customer)
    assert (failure.cause, failure.outcome, failure.retry_after) == ("throttled", Acceptance.NOT_SENT, 17.0)


@pytest.mark.parametrize("answer", [reply(201), reply(201, "[1]"), reply(201, {"id": 7}), reply(200, "<html>")])
def test_creation_without_an_id_is_an_error(
    graph: GraphTransport, other: HttpsServer, message: Message, answer: Answer
) -> None:
    other.routes["/messages"] = answer
    with pytest.raises(SendError) as caught:
        graph.send(message, sender_of(other.cloud()), on_draft=Kept())
    assert (caught.value.answer, caught.value.outcome) == (Judged.FOREIGN, Acceptance.NOT_SENT)
    assert other.came("/send") == []


def test_second_token_sends_the_draft_of_the_first(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    graph.send(message, sender_of(other.cloud()), on_draft=Kept())  # so that a token is kept
    other.routes["/send"] = in_turn(reply(401), reply(202))
    graph.send(message, sender_of(other.cloud()), on_draft=Kept())
    assert (len(other.came("/messages")), len(other.came("/send")), len(other.came("/token"))) == (2, 3, 2)


def test_draft_requests_ask_for_immutable_ids(graph: GraphTransport, other: HttpsServer, message: Message) -> None:
    other.routes["/messages"] = reply(201, {"id": "a/b=?"})
    sender = replace(sender_of(other.cloud()), address="alarms@customer.example")
    graph.send(message, sender, on_draft=Kept())
    [made], [sent] = other.came("/messages"), other.came("/send")
    assert made.headers["prefer"] == sent.headers["prefer"] == 'IdType="ImmutableId"'
    assert made.headers["content-type"] == "text/plain"
    assert sent.headers["content-length"] == "0"
    assert sent.path.endswith("/users/alarms@customer.example/messages/a%2Fb%3D%3F/send")
    GraphTransport(graph.tokens, body="json").send(message, sender, on_draft=Kept())
    assert json.loads(other.came("/messages")[1].body)["internetMessageId"] == message.message_id


# The later lookup


def test_unsent_draft_is_found_by_id_and_message_id(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, arrived: Arrived
) -> None:
    draft = laid_down(graph, customer, sandbox, message)
    assert graph.find_draft(draft, message.message_id, customer.sender) == draft
    assert graph.find_draft("", message.message_id, customer.sender) == draft
    assert graph.find_draft("", "<else@northpark.example>", customer.sender) is None
    assert graph.send_draft(draft, message.message_id, customer.sender).answer == "HTTP 202"
    assert len(arrived(message)) == 1


def test_sent_draft_is_not_found(graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message) -> None:
    kept = Kept()
    sandbox.faults.add("graph", reset="after", mailbox=customer.mailbox.address)
    failing(graph, message, customer, kept)
    assert graph.find_draft(kept.told[-1], message.message_id, customer.sender) is None
    assert graph.find_draft("", message.message_id, customer.sender) is None


def test_missing_draft_counts_as_sent(graph: GraphTransport, other: HttpsServer) -> None:
    """Exchange has been seen to put a copy with another id into Sent Items."""
    other.routes["/AAk%3D?%24select=isDraft"] = ITEM_NOT_FOUND
    assert graph.find_draft("AAk=", "<1@x>", sender_of(other.cloud())) is None


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (DENIED, "mailbox_access_denied"),
        (reply(404, {"error": {"code": "ErrorInvalidUser", "message": "x"}}), "mailbox_not_found"),
        (reply(404), "mailbox_not_found"),
        (reply(503), "transient"),
        (reply(200, {"id": "AAk="}), "transient"),
        (reply(200, "<html>"), "network"),
    ],
)
@pytest.mark.parametrize("draft", ["AAk=", ""])
def test_failed_lookup_raises(
    graph: GraphTransport, other: HttpsServer, answer: Answer, cause: str, draft: str
) -> None:
    other.routes["select=isDraft"] = answer
    with pytest.raises(SendError) as caught:
        graph.find_draft(draft, "<1@x>", sender_of(other.cloud()))
    assert caught.value.cause == cause


def test_quote_in_a_message_id_is_escaped(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message
) -> None:
    quoted = replace(message, message_id="<o'brien@northpark.example>")
    draft = laid_down(graph, customer, sandbox, quoted)
    assert graph.find_draft("", quoted.message_id, customer.sender) == draft


def test_second_send_is_doubtful_and_finds_it_was_sent(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, arrived: Arrived
) -> None:
    draft = laid_down(graph, customer, sandbox, message)
    graph.send_draft(draft, message.message_id, customer.sender)
    with pytest.raises(SendError) as caught:
        graph.send_draft(draft, message.message_id, customer.sender)
    assert (caught.value.cause, caught.value.outcome) == ("transient", Acceptance.UNKNOWN)
    assert graph.find_draft(draft, message.message_id, customer.sender) is None
    assert len(arrived(message)) == 1


@pytest.mark.parametrize("is_named", [True, False])
def test_discarded_draft_is_deleted(
    graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message, is_named: bool
) -> None:
    draft = laid_down(graph, customer, sandbox, message)
    graph.discard(draft if is_named else "", message.message_id, customer.sender)
    assert kinds(sandbox, customer)[-1] == "deleted"
    assert graph.find_draft("", message.message_id, customer.sender) is None
    for _again in range(2):  # from the deleted items too, and then there is nothing
        graph.discard(draft if is_named else "", message.message_id, customer.sender)


def test_failed_deletion_of_a_draft_raises(graph: GraphTransport, other: HttpsServer) -> None:
    other.routes["AAk%3D"] = DENIED
    with pytest.raises(SendError):
        graph.discard("AAk=", "<1@x>", sender_of(other.cloud()))


def test_no_other_transport_makes_drafts(tokens: TokenSource) -> None:
    made: list[Any] = [GraphTransport(tokens), EwsTransport(tokens), SmtpTransport(tokens)]
    assert [isinstance(transport, DraftingTransport) for transport in made] == [True, False, False]


def laid_down(graph: GraphTransport, customer: Customer, sandbox: Sandbox, message: Message) -> str:
    """A draft whose sender was lost just before it sent it."""
    sandbox.faults.add("graph", reset="before", mailbox=customer.mailbox.address)
    kept = Kept()
    failing(graph, message, customer, kept)
    return kept.told[-1]
