"""Drafts in Graph's API: created, found, sent, deleted."""

from __future__ import annotations

import base64
import threading
from typing import Any

import pytest
import requests

from sandbox import Sandbox
from sandbox.state.mailbox_items import Items
from tests.sandbox.conftest import Ask, Customer, mime
from tests.sandbox.test_graph_endpoint import message, refusal

IMMUTABLE = 'IdType="ImmutableId"'
FROM_MIME = base64.b64encode(mime())
MESSAGE_ID = "<pump-3@northpark.example>"
FILTER = f"internetMessageId eq '{MESSAGE_ID}'"


class Drafts:
    """A client of one mailbox, or of another."""

    def __init__(self, sandbox: Sandbox, session: requests.Session, token: str) -> None:
        self._url = f"{sandbox.url}/graph/v1.0/users/"
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, user: str = "alarms@northpark.example", **more: Any) -> requests.Response:
        headers = {**self._headers, **more.pop("headers", {})}
        return self._session.request(method, f"{self._url}{user}/{path}", headers=headers, timeout=10, **more)

    def made(self, *, immutable: bool = True) -> str:
        """The id of a new draft."""
        headers = {"Content-Type": "text/plain", **({"Prefer": IMMUTABLE} if immutable else {})}
        answer = self.call("POST", "messages", data=FROM_MIME, headers=headers)
        assert answer.status_code == 201
        return str(answer.json()["id"])

    def found(self, path: str = "messages") -> list[dict[str, Any]]:
        answer = self.call("GET", path, params={"$filter": FILTER}, headers={"Prefer": IMMUTABLE})
        value: list[dict[str, Any]] = answer.json()["value"]
        return value


@pytest.fixture
def drafts(sandbox: Sandbox, session: requests.Session, customer: Customer, ask: Ask) -> Drafts:
    sandbox.directory.grant(customer.app, "Mail.ReadWrite")
    return Drafts(sandbox, session, ask()["access_token"])


def test_a_draft_is_no_message_before_it_is_sent(drafts: Drafts, sandbox: Sandbox) -> None:
    draft = drafts.made()
    assert sandbox.ledger.messages() == []
    [found] = drafts.found()
    assert (found["id"], found["isDraft"], found["internetMessageId"]) == (draft, True, MESSAGE_ID)
    answer = drafts.call("POST", f"messages/{draft}/send")
    assert (answer.status_code, answer.content) == (202, b"")
    [entry] = sandbox.ledger.messages(MESSAGE_ID)
    assert entry["mime"].encode() == mime()
    assert entry["to"] == ["oncall@northpark.example"]


def test_a_draft_may_be_given_as_a_resource(drafts: Drafts, sandbox: Sandbox) -> None:
    answer = drafts.call("POST", "messages", json=message()["message"])
    assert answer.json()["subject"] == "Pompe 3 arrêtée"
    assert drafts.call("POST", f"messages/{answer.json()['id']}/send").status_code == 202
    [entry] = sandbox.ledger.messages()
    assert entry["to"] == ["oncall@northpark.example", "boss@northpark.example", "log@northpark.example"]


def test_only_immutable_id_survives_sending(drafts: Drafts) -> None:
    usual, immutable = drafts.made(immutable=False), drafts.made()
    for draft in (usual, immutable):
        drafts.call("POST", f"messages/{draft}/send")
    assert refusal(drafts.call("GET", f"messages/{usual}")) == (404, "ErrorItemNotFound")
    sent = drafts.call("GET", f"messages/{immutable}", headers={"Prefer": IMMUTABLE}, params={"$select": "isDraft"})
    assert sent.headers["Preference-Applied"] == 'IdType="ImmutableId"'
    assert {name: sent.json()[name] for name in ("id", "isDraft")} == {"id": immutable, "isDraft": False}
    assert "subject" not in sent.json()


def test_sent_messages_are_in_sent_items(drafts: Drafts) -> None:
    drafts.call("POST", "sendMail", data=FROM_MIME, headers={"Content-Type": "text/plain"})
    drafts.call("POST", f"messages/{drafts.made()}/send")
    drafts.made()
    assert [found["isDraft"] for found in drafts.found()] == [True, False, False]
    assert len(drafts.found("mailFolders/sentitems/messages")) == 2
    assert len(drafts.found("mailFolders/Drafts/messages")) == 1


def test_message_without_copy_is_not_in_sent_items(drafts: Drafts) -> None:
    drafts.call("POST", "sendMail", json={**message(internetMessageId=MESSAGE_ID), "saveToSentItems": False})
    assert drafts.found() == []


def test_deleted_draft_is_moved_then_removed(drafts: Drafts) -> None:
    draft = drafts.made()
    assert drafts.call("DELETE", f"messages/{draft}").status_code == 204
    assert len(drafts.found("mailFolders/deleteditems/messages")) == 1
    assert drafts.call("DELETE", f"messages/{draft}").status_code == 204
    assert refusal(drafts.call("DELETE", f"messages/{draft}")) == (404, "ErrorItemNotFound")


def test_second_send_of_a_draft_is_not_found(drafts: Drafts, sandbox: Sandbox) -> None:
    draft, answers = drafts.made(), []

    def send() -> None:
        answers.append(drafts.call("POST", f"messages/{draft}/send").status_code)

    threads = [threading.Thread(target=send) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202, 404, 404, 404]
    assert len(sandbox.ledger.messages(MESSAGE_ID)) == 1


def test_drafts_need_another_permission_than_sending(
    sandbox: Sandbox, session: requests.Session, customer: Customer, ask: Ask, drafts: Drafts
) -> None:
    draft = drafts.made()
    sandbox.directory.revoke(customer.app, "Mail.ReadWrite")
    sender = Drafts(sandbox, session, ask()["access_token"])
    for method, path in (("POST", "messages"), ("GET", f"messages/{draft}"), ("DELETE", f"messages/{draft}")):
        assert refusal(sender.call(method, path)) == (403, "ErrorAccessDenied")
    sandbox.directory.revoke(customer.app, "Mail.Send")
    sandbox.directory.grant(customer.app, "Mail.ReadWrite")
    writer = Drafts(sandbox, session, ask()["access_token"])
    assert writer.call("GET", f"messages/{draft}").status_code == 200
    assert refusal(writer.call("POST", f"messages/{draft}/send")) == (403, "ErrorAccessDenied")
    sandbox.directory.scope(customer.app, "Mail.Send", [customer.mailbox.address])
    assert writer.call("POST", f"messages/{draft}/send").status_code == 202


def test_a_draft_without_recipients_can_be_kept_and_not_sent(drafts: Drafts) -> None:
    draft = drafts.call("POST", "messages", json={"subject": "x"}).json()["id"]
    assert refusal(drafts.call("POST", f"messages/{draft}/send")) == (400, "ErrorInvalidRecipients")


def test_draft_of_another_mailbox_is_not_found(drafts: Drafts, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.add_mailbox(customer.tenant, "other@northpark.example")
    answer = drafts.call("GET", f"messages/{drafts.made()}", "other@northpark.example")
    assert refusal(answer) == (404, "ErrorItemNotFound")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "messages/nonsense", 400, "ErrorInvalidIdMalformed"),
        ("GET", "messages?$filter=subject eq 'x'", 400, "ErrorInvalidUrlQueryFilter"),
        ("GET", f"messages?$filter={FILTER}&$select=colour", 400, "RequestBroker--ParseUri"),
        ("PUT", "messages", 405, "Request_BadRequest"),
        ("GET", "mailFolders/nowhere/messages", 400, "BadRequest"),
    ],
)
def test_bad_request_is_refused_with_graphs_error(
    drafts: Drafts, method: str, path: str, status: int, code: str
) -> None:
    drafts.made()
    assert refusal(drafts.call(method, path)) == (status, code)


def test_fault_applies_at_its_stage(drafts: Drafts, sandbox: Sandbox) -> None:
    for stage in ("lookup", "data", "delete"):
        sandbox.faults.add("graph", status=503, stage=stage)
    draft = drafts.made()
    for method, path in (("GET", ""), ("POST", "/send"), ("DELETE", "")):
        assert drafts.call(method, f"messages/{draft}{path}").status_code == 503
    assert sandbox.ledger.messages() == []


def test_a_sandbox_that_is_started_again_has_the_same_drafts(drafts: Drafts, sandbox: Sandbox) -> None:
    sent, deleted, kept = (drafts.made() for _number in range(3))
    drafts.call("POST", f"messages/{sent}/send")
    drafts.call("DELETE", f"messages/{deleted}")
    again = Items(sandbox.ledger)
    folders = [again.find("alarms@northpark.example", draft) for draft in (sent, deleted, kept)]
    assert [(item.folder, item.is_draft) for item in folders if item] == [
        ("sentitems", False),
        ("deleteditems", True),
        ("drafts", True),
    ]
