"""sendMail in Graph's API."""

from __future__ import annotations

import base64
import uuid
from email import message_from_string
from typing import Any

import pytest
import requests

from sandbox import Sandbox
from tests.sandbox.conftest import Ask, Customer, mime


class Graph:
    def __init__(self, sandbox: Sandbox, session: requests.Session, token: str) -> None:
        self._url = f"{sandbox.url}/graph/v1.0/users/"
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}

    def json(self, body: Any, user: str = "alarms@northpark.example", **headers: str) -> requests.Response:
        return self._session.post(
            f"{self._url}{user}/sendMail", json=body, headers={**self._headers, **headers}, timeout=10
        )

    def raw(self, body: bytes, kind: str = "text/plain", **headers: str) -> requests.Response:
        sent = {**self._headers, "Content-Type": kind, **headers}
        return self._session.post(f"{self._url}alarms@northpark.example/sendMail", data=body, headers=sent, timeout=10)


@pytest.fixture
def graph(sandbox: Sandbox, session: requests.Session, graph_token: str) -> Graph:
    return Graph(sandbox, session, graph_token)


def message(**changes: Any) -> dict[str, Any]:
    return {
        "message": {
            "subject": "Pompe 3 arrêtée",
            "body": {"contentType": "HTML", "content": "<p>Arrêt à 04:12</p>"},
            "toRecipients": [{"emailAddress": {"address": "oncall@northpark.example", "name": "On call"}}],
            "ccRecipients": [{"emailAddress": {"address": "boss@northpark.example"}}],
            "bccRecipients": [{"emailAddress": {"address": "log@northpark.example"}}],
            **changes,
        }
    }


def refusal(answer: requests.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert {"date", "request-id", "client-request-id"} <= set(error["innerError"])
    return answer.status_code, error["code"]


def test_a_json_message_is_accepted_with_an_empty_answer(graph: Graph, sandbox: Sandbox, customer: Customer) -> None:
    answer = graph.json(message(internetMessageHeaders=[{"name": "X-Alarm", "value": "3"}]))
    assert (answer.status_code, answer.content) == (202, b"")
    (entry,) = sandbox.ledger.messages()
    assert entry["service"] == "graph"
    assert entry["to"] == ["oncall@northpark.example", "boss@northpark.example", "log@northpark.example"]
    assert (entry["from"], entry["subject"]) == ("alarms@northpark.example", "Pompe 3 arrêtée")
    assert (entry["client_id"], entry["tenant"]) == (customer.app.client_id, customer.tenant.directory_id)
    assert entry["json"] == message(internetMessageHeaders=[{"name": "X-Alarm", "value": "3"}])
    assert entry["request_id"] == answer.headers["request-id"]
    parsed = message_from_string(entry["mime"])
    assert parsed["X-Alarm"] == "3"
    assert "Bcc" not in parsed


def test_a_mime_message_is_kept_as_it_came(graph: Graph, sandbox: Sandbox) -> None:
    answer = graph.raw(base64.b64encode(mime(Bcc="log@northpark.example")))
    assert answer.status_code == 202
    (entry,) = sandbox.ledger.messages("pump-3@northpark.example")
    assert entry["mime"].encode() == mime(Bcc="log@northpark.example")
    assert entry["message_id"] == "<pump-3@northpark.example>"
    assert entry["to"] == ["oncall@northpark.example", "log@northpark.example"]


def test_the_clients_request_id_is_repeated_and_kept(graph: Graph, sandbox: Sandbox) -> None:
    mine = str(uuid.uuid4())
    answer = graph.raw(base64.b64encode(mime()), **{"client-request-id": mine, "return-client-request-id": "true"})
    assert answer.headers["client-request-id"] == mine
    assert sandbox.ledger.messages()[0]["client_request_id"] == mine


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"%%%", "text/plain", 400, "ErrorMimeContentInvalidBase64String"),
        (b"", "text/plain", 400, "ErrorMimeContentInvalidBase64String"),
        (b"{not json", "application/json", 400, "BadRequest"),
        (b"{}", "application/json", 400, "ErrorInvalidParameter"),
        (b'{"message": {"subjekt": "x"}}', "application/json", 400, "RequestBodyRead"),
        (b'{"message": {"subject": "x"}}', "application/json", 400, "ErrorInvalidRecipients"),
        (b'{"message": {"toRecipients": "x"}}', "application/json", 400, "RequestBodyRead"),
        (b"<xml/>", "text/xml", 415, "RequestBodyRead"),
        (b"A" * (4 * 1024 * 1024 + 4), "text/plain", 413, "RequestEntityTooLarge"),
    ],
)
def test_bad_body_is_refused_with_graphs_error(
    graph: Graph, sandbox: Sandbox, body: bytes, kind: str, status: int, code: str
) -> None:
    assert refusal(graph.raw(body, kind)) == (status, code)
    assert sandbox.ledger.messages() == []


def test_headers_that_do_not_begin_with_x_are_refused(graph: Graph) -> None:
    answer = graph.json(message(internetMessageHeaders=[{"name": "Message-ID", "value": "<1@x>"}]))
    assert refusal(answer) == (400, "InvalidInternetMessageHeader")


def test_unknown_mailbox_is_an_invalid_user(graph: Graph) -> None:
    assert refusal(graph.json(message(), "unknown@northpark.example")) == (404, "ErrorInvalidUser")


def test_mailbox_of_another_tenant_is_not_found(graph: Graph, sandbox: Sandbox) -> None:
    other = sandbox.directory.add_tenant("Harbour", "harbour.example")
    sandbox.directory.add_mailbox(other, "alarms@harbour.example")
    assert refusal(graph.json(message(), "alarms@harbour.example")) == (404, "ErrorInvalidUser")


def test_a_mailbox_may_be_named_by_its_object_id(graph: Graph, sandbox: Sandbox, customer: Customer) -> None:
    assert graph.json(message(), customer.mailbox.object_id).status_code == 202
    assert sandbox.ledger.messages()[0]["mailbox"] == "alarms@northpark.example"


def test_sending_as_someone_else_is_denied_unless_allowed(graph: Graph, sandbox: Sandbox, customer: Customer) -> None:
    other = {"from": {"emailAddress": {"address": "boss@northpark.example"}}}
    assert refusal(graph.json(message(**other))) == (403, "ErrorSendAsDenied")
    sandbox.directory.add_mailbox(customer.tenant, "alarms@northpark.example", send_as=["boss@northpark.example"])
    assert graph.json(message(**other)).status_code == 202


def test_a_token_without_roles_has_no_permissions(
    ask: Ask, sandbox: Sandbox, session: requests.Session, customer: Customer
) -> None:
    sandbox.directory.revoke(customer.app, "Mail.Send")
    answer = Graph(sandbox, session, ask()["access_token"]).json(message())
    assert refusal(answer) == (401, "NoPermissionsInAccessToken")


def test_a_token_with_another_role_is_denied(
    ask: Ask, sandbox: Sandbox, session: requests.Session, customer: Customer
) -> None:
    sandbox.directory.revoke(customer.app, "Mail.Send")
    sandbox.directory.grant(customer.app, "User.Read.All")
    assert refusal(Graph(sandbox, session, ask()["access_token"]).json(message())) == (403, "ErrorAccessDenied")


def test_an_app_scoped_to_one_mailbox_sends_as_that_one_alone(
    ask: Ask, sandbox: Sandbox, session: requests.Session, customer: Customer
) -> None:
    sandbox.directory.add_mailbox(customer.tenant, "other@northpark.example")
    sandbox.directory.scope(customer.app, "Mail.Send", ["Alarms@northpark.example"])
    graph = Graph(sandbox, session, ask()["access_token"])
    assert graph.json(message()).status_code == 202
    assert refusal(graph.json(message(), "other@northpark.example")) == (403, "ErrorAccessDenied")


def test_a_token_for_exchange_is_refused(sandbox: Sandbox, session: requests.Session, exchange_token: str) -> None:
    answer = Graph(sandbox, session, exchange_token).json(message())
    assert refusal(answer) == (401, "InvalidAuthenticationToken")
    assert "WWW-Authenticate" in answer.headers


def test_a_changed_token_is_refused(sandbox: Sandbox, session: requests.Session, graph_token: str) -> None:
    head, body, signature = graph_token.split(".")
    broken = f"{head}.{body}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"
    assert refusal(Graph(sandbox, session, broken).json(message())) == (401, "InvalidAuthenticationToken")


def test_throttling_sends_retry_after(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="graph", status=429, headers={"Retry-After": "7"})
    answer = graph.json(message())
    assert refusal(answer) == (429, "ApplicationThrottled")
    assert answer.headers["Retry-After"] == "7"
    assert graph.json(message()).status_code == 202
