"""The simulated provider behaves as configured, as seen by other clients than ours: a wrong harness proves nothing."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from datetime import timedelta
from uuid import uuid4

import pytest
import requests

from tests.outages import answers
from tests.outages.answers import ProviderAnswer
from tests.outages.ledger import Acceptance
from tests.outages.provider import Provider
from tests.outages.scenario import BEGIN, Verdict
from tests.outbox.fake_clock import Time

MINUTE = timedelta(minutes=1)
MAILBOX = "alarms@sender.example"
MIME = (
    f"From: {MAILBOX}\r\nTo: duty@northpark.example\r\nMessage-ID: <{uuid4()}@alertadmin.invalid>\r\n"
    "Date: Mon, 23 Nov 2026 08:00:00 +0000\r\nSubject: x\r\n\r\nx\r\n"
)


def post(
    provider: Provider, path: str = "sendMail", data: bytes = base64.b64encode(MIME.encode())
) -> requests.Response:
    url = f"https://localhost:{provider.graph.port}/v1.0/users/{MAILBOX}/{path}"
    headers = {"Authorization": f"Bearer {provider.store.issue_token()}"}
    ca_file = provider.clouds_file.parent / "ca.pem"
    return requests.post(url, data=data, headers=headers, verify=str(ca_file), timeout=0.5)


def submit(provider: Provider) -> None:
    with smtplib.SMTP("localhost", provider.relay.port, timeout=0.5) as client:
        client.sendmail(MAILBOX, ["duty@northpark.example"], MIME)


def test_graph_accepts_a_message_and_keeps_it_in_the_ledger(provider: Provider) -> None:
    answer = post(provider)
    assert (answer.status_code, answer.content) == (202, b"")
    [accepted] = provider.ledger.all()
    assert (accepted.endpoint, accepted.mailbox, accepted.recipient) == ("graph", MAILBOX, "duty@northpark.example")
    assert (accepted.at, accepted.was_hidden) == (BEGIN, False)


def test_a_draft_is_sent_once(provider: Provider) -> None:
    assert post(provider, "messages").status_code == 403
    provider.store.allows_drafts = True
    draft = post(provider, "messages").json()["id"]
    assert provider.ledger.all() == []
    assert post(provider, f"messages/{draft}/send", b"").status_code == 202
    assert post(provider, f"messages/{draft}/send", b"").status_code == 404
    assert len(provider.ledger.all()) == 1


def test_the_relay_accepts_a_message(provider: Provider) -> None:
    submit(provider)
    assert [one.endpoint for one in provider.ledger.all()] == ["relay"]


def test_submission_takes_a_token_over_tls_alone(provider: Provider) -> None:
    proof = f"user={MAILBOX}\x01auth=Bearer {provider.store.issue_token()}\x01\x01"
    context = ssl.create_default_context(cafile=str(provider.clouds_file.parent / "ca.pem"))
    with smtplib.SMTP("localhost", provider.smtp.port, timeout=0.5) as client:
        assert client.docmd("AUTH", f"XOAUTH2 {base64.b64encode(proof.encode()).decode()}")[0] == 535
        client.starttls(context=context)
        assert client.docmd("AUTH", f"XOAUTH2 {base64.b64encode(proof.encode()).decode()}")[0] == 235
        client.sendmail(MAILBOX, ["duty@northpark.example"], MIME)
    [accepted] = provider.ledger.all()
    assert (accepted.endpoint, accepted.mailbox) == ("smtp", MAILBOX)


def test_an_outage_lasts_as_long_as_it_is_told_and_strikes_one_endpoint(provider: Provider, time: Time) -> None:
    provider.outage("graph", answers.GATEWAY_TIMEOUT, MINUTE, begin=BEGIN + MINUTE)
    assert post(provider).status_code == 202
    time.passes(MINUTE)
    assert post(provider).status_code == 504
    submit(provider)
    time.passes(MINUTE)
    assert post(provider).status_code == 202


@pytest.mark.parametrize("answer", [one for one in answers.ANSWERS if one.speaks_http], ids=lambda one: one.name)
def test_no_answer_of_http_is_a_success_and_what_it_hides_is_in_the_ledger(
    provider: Provider, answer: ProviderAnswer
) -> None:
    provider.outage("graph", answer, MINUTE)
    provider.follow()
    with provider.name_service():
        try:
            said = post(provider)
            is_success = (said.status_code, said.content) == (202, b"")
        except requests.RequestException:
            is_success = False
    assert not is_success
    assert [one.was_hidden for one in provider.ledger.all()] == [True] * answer.accepts


@pytest.mark.parametrize("answer", [one for one in answers.ANSWERS if one.speaks_smtp], ids=lambda one: one.name)
def test_no_answer_of_smtp_is_a_success_and_what_it_hides_is_in_the_ledger(
    provider: Provider, answer: ProviderAnswer
) -> None:
    if answer.connection == "untrusted certificate" or answer.smtp == answers.AUTH_LATER.smtp:
        return  # the relay asks for neither
    provider.outage("relay", answer, MINUTE)
    provider.follow()
    with provider.name_service(), pytest.raises(OSError):
        submit(provider)
    assert [one.was_hidden for one in provider.ledger.all()] == [True] * answer.accepts


def test_a_port_that_refuses_comes_back(provider: Provider, time: Time) -> None:
    provider.outage("relay", answers.REFUSED_CONNECTION, MINUTE)
    provider.follow()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", provider.relay.port))
    time.passes(MINUTE)
    provider.follow()
    submit(provider)


def test_a_verdict_says_what_is_lost_and_what_came_without_need() -> None:
    assert Verdict(owed=2, arrived=2, copies=1).is_kept
    assert not Verdict(owed=2, arrived=1).is_kept
    assert not Verdict(owed=1, arrived=1, copies=1, needless=1).is_kept
    assert not Verdict(owed=1, arrived=1, unlike=1).is_kept
    assert not Verdict(owed=1, arrived=1, unsettled=1).is_kept


def test_a_webhook_is_known_by_the_id_of_its_delivery(provider: Provider) -> None:
    key = uuid4()
    body = {"id": str(key), "at": "2026-11-23T08:00:00+00:00"}
    assert requests.post(f"http://localhost:{provider.webhook.port}/hook", json=body, timeout=0.5).ok
    [accepted] = provider.ledger.of(key)
    assert isinstance(accepted, Acceptance)
