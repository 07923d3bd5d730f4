"""Scripted faults: when, for which mailbox and how often they apply."""

from __future__ import annotations

import smtplib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from sandbox import Sandbox
from tests.sandbox.conftest import Customer, mime
from tests.sandbox.test_graph_endpoint import Graph, message


@pytest.fixture
def graph(sandbox: Sandbox, session: requests.Session, graph_token: str) -> Graph:
    return Graph(sandbox, session, graph_token)


def test_fault_applies_the_given_number_of_times(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="graph", status=503, times=2)
    assert [graph.json(message()).status_code for _ in range(3)] == [503, 503, 202]


def test_a_fault_without_a_count_stays_until_cleared(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="graph", status=503, times=None)
    assert [graph.json(message()).status_code for _ in range(3)] == [503, 503, 503]
    sandbox.faults.clear()
    assert graph.json(message()).status_code == 202


def test_faults_apply_in_order(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="graph", status=503)
    sandbox.faults.add(service="graph", status=429)
    assert [graph.json(message()).status_code for _ in range(3)] == [503, 429, 202]


def test_fault_of_one_mailbox_does_not_affect_others(graph: Graph, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.add_mailbox(customer.tenant, "other@northpark.example")
    sandbox.faults.add(service="graph", status=503, mailbox="Other@northpark.example")
    assert graph.json(message()).status_code == 202
    assert graph.json(message(), "other@northpark.example").status_code == 503


def test_fault_of_another_service_does_not_apply(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="ews", status=503)
    assert graph.json(message()).status_code == 202


def test_error_can_hide_an_accepted_message(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="graph", status=504, taken=True)
    before = len(sandbox.ledger.messages())
    assert graph.json(message()).status_code == 504
    assert len(sandbox.ledger.messages()) == before + 1


@pytest.mark.parametrize(("reset", "arrived"), [("before", 0), ("after", 1)])
def test_connection_is_reset_before_or_after_acceptance(
    graph: Graph, sandbox: Sandbox, reset: str, arrived: int
) -> None:
    sandbox.faults.add(service="graph", reset=reset)  # type: ignore[arg-type]
    with pytest.raises(requests.ConnectionError):
        graph.json(message())
    assert len(sandbox.ledger.messages()) == arrived


def test_delay_delays_the_response(graph: Graph, sandbox: Sandbox) -> None:
    graph.json(message())
    sandbox.faults.add(service="graph", delay=0.4)
    begun = time.monotonic()
    assert graph.json(message()).status_code == 202
    assert time.monotonic() - begun >= 0.4


def test_scripted_body_is_returned(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="graph", status=502, body="<html>Bad gateway</html>")
    answer = graph.json(message())
    assert (answer.status_code, answer.text) == (502, "<html>Bad gateway</html>")


def test_metadata_can_fail_too(sandbox: Sandbox, session: requests.Session, customer: Customer) -> None:
    sandbox.faults.add(service="discovery", status=500)
    url = f"{sandbox.url}/{customer.tenant.directory_id}/v2.0/.well-known/openid-configuration"
    assert [session.get(url, timeout=10).status_code for _ in range(2)] == [500, 200]


def test_unknown_service_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="'imap' is none of token, graph"):
        sandbox.faults.add(service="imap")  # type: ignore[arg-type]


def test_connection_close_can_be_scripted(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="graph", status=403, headers={"Connection": "close"})
    assert graph.json(message()).headers["Connection"] == "close"
    assert "Connection" not in graph.json(message()).headers


def test_closing_sandbox_ends_delays_and_accepts_nothing(tmp_path: Path) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as pool, Sandbox(tmp_path) as sandbox:
        sandbox.faults.add(service="token", delay=60)
        sandbox.faults.add(service="relay", delay=60)
        port = int(sandbox.url.rsplit(":", 1)[1])
        silent = socket.create_connection(("127.0.0.1", port))
        asking = pool.submit(ask_for_a_token, sandbox)
        sending = pool.submit(send_by_relay, sandbox)
        sandbox.ledger.wait_until(lambda entries: len(entries) == 2)
    silent.close()
    assert isinstance(asking.exception(), OSError)
    assert isinstance(sending.exception(), (OSError, smtplib.SMTPException))
    assert time.monotonic() - begun < 30
    assert {one["kind"] for one in sandbox.ledger.entries()} == {"fault"}


def ask_for_a_token(sandbox: Sandbox) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{sandbox.url}/x.example/oauth2/v2.0/token", data={}, verify=str(sandbox.ca_file), timeout=30)


def send_by_relay(sandbox: Sandbox) -> None:
    with smtplib.SMTP(sandbox.relay_host, sandbox.relay_port, timeout=30) as relay:
        relay.sendmail("a@b.example", ["c@d.example"], mime())
