"""The pages: received mail and admin consent."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from sandbox import Sandbox
from tests.sandbox.conftest import EXCHANGE_SCOPE, GRAPH_SCOPE, Ask, Customer, mime

HOSTILE = (
    b"From: Mallory <m@evil.example>\r\nTo: oncall@northpark.example\r\nMessage-ID: <evil@x>\r\n"
    b"Subject: <script>alert(1)</script>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>Hello</p><script>alert(2)</script>\r\n"
)


@pytest.fixture
def arrived(sandbox: Sandbox) -> Sandbox:
    with smtplib.SMTP(sandbox.relay_host, sandbox.relay_port, timeout=10) as relay:
        relay.sendmail("alarms@northpark.example", ["oncall@northpark.example"], mime())
        relay.sendmail("m@evil.example", ["oncall@northpark.example"], HOSTILE)
    return sandbox


def test_mail_is_listed_by_recipient(arrived: Sandbox, session: requests.Session) -> None:
    overview = session.get(arrived.mailbox_page, timeout=10).text
    assert 'href="/_sandbox/mailbox/oncall%40northpark.example"' in overview
    box = session.get(f"{arrived.mailbox_page}oncall@northpark.example", timeout=10).text
    assert "Pump 3 stopped" in box
    assert "relay" in box
    empty = session.get(f"{arrived.mailbox_page}unknown@northpark.example", timeout=10).text
    assert "Nothing has arrived here yet." in empty


def test_a_message_shows_its_facts_and_text(arrived: Sandbox, session: requests.Session) -> None:
    text = session.get(f"{arrived.mailbox_page}message/1", timeout=10).text
    for part in ("alarms@northpark.example", "oncall@northpark.example", "Pump 3 stopped at 04:12.", "relay"):
        assert part in text


def test_attachments_are_listed_and_text_is_shown(sandbox: Sandbox, session: requests.Session) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "alarms@northpark.example", "oncall@northpark.example", "Ends"
    mail.set_content("It ends.")
    mail.add_attachment(b"SUMMARY:<b>ends</b>", "text", "calendar", filename="ends.ics", params={"method": "PUBLISH"})
    mail.add_attachment(b"\0\1", "application", "octet-stream", filename="b.bin")
    with smtplib.SMTP(sandbox.relay_host, sandbox.relay_port, timeout=10) as relay:
        relay.send_message(mail)
    text = session.get(f"{sandbox.mailbox_page}message/{sandbox.ledger.messages()[-1]['number']}", timeout=10).text
    assert "<h2>ends.ics</h2>" in text
    assert "method=&quot;PUBLISH&quot;, 19 bytes" in text
    assert "<pre>SUMMARY:&lt;b&gt;ends&lt;/b&gt;</pre>" in text
    assert "application/octet-stream, 2 bytes" in text


def test_hostile_mail_is_escaped_and_its_html_sandboxed(arrived: Sandbox, session: requests.Session) -> None:
    shown = session.get(f"{arrived.mailbox_page}message/2", timeout=10)
    assert "<script" not in shown.text
    assert "&lt;script&gt;alert(1)" in shown.text
    assert 'sandbox=""' in shown.text
    assert "unsafe-inline" not in shown.headers["Content-Security-Policy"]
    caged = session.get(f"{arrived.mailbox_page}message/2/html", timeout=10)
    assert caged.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def test_unknown_message_is_404(arrived: Sandbox, session: requests.Session) -> None:
    assert session.get(f"{arrived.mailbox_page}message/77", timeout=10).status_code == 404


def consent_url(sandbox: Sandbox, customer: Customer, path: str = "v2.0/adminconsent", **changes: str) -> str:
    query = {
        "client_id": customer.app.client_id,
        "redirect_uri": "https://alertadmin.example/consent/",
        "state": "st&te",
        "scope": GRAPH_SCOPE,
        **changes,
    }
    prepared = requests.Request("GET", f"{sandbox.url}/{customer.tenant.directory_id}/{path}", params=query).prepare()
    return prepared.url or ""


def decide(session: requests.Session, url: str, decision: str) -> dict[str, str]:
    answer = session.post(url, data={"decision": decision}, allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    location = urlsplit(answer.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == "https://alertadmin.example/consent/"
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def roles(ask: Ask, scope: str) -> list[str]:
    found: list[str] = jwt.decode(ask(scope)["access_token"], options={"verify_signature": False}).get("roles", [])
    return found


@pytest.fixture
def nothing_granted(sandbox: Sandbox, customer: Customer) -> None:
    for permission in ("Mail.Send", "full_access_as_app", "SMTP.SendAsApp"):
        sandbox.directory.revoke(customer.app, permission)


@pytest.mark.usefixtures("nothing_granted")
def test_accepting_grants_the_resource_and_redirects(
    sandbox: Sandbox, session: requests.Session, customer: Customer, ask: Ask
) -> None:
    url = consent_url(sandbox, customer)
    shown = session.get(url, timeout=10).text
    assert "Mail.Send" in shown
    assert "full_access_as_app" not in shown
    assert decide(session, url, "accept") == {
        "admin_consent": "True",
        "tenant": customer.tenant.directory_id,
        "scope": GRAPH_SCOPE,
        "state": "st&te",
    }
    assert (roles(ask, GRAPH_SCOPE), roles(ask, EXCHANGE_SCOPE)) == (["Mail.Send"], [])


@pytest.mark.usefixtures("nothing_granted")
def test_the_first_version_grants_everything_that_the_app_wants(
    sandbox: Sandbox, session: requests.Session, customer: Customer, ask: Ask
) -> None:
    answer = decide(session, consent_url(sandbox, customer, "adminconsent"), "accept")
    assert answer == {"admin_consent": "True", "tenant": customer.tenant.directory_id, "state": "st&te"}
    assert roles(ask, EXCHANGE_SCOPE) == ["SMTP.SendAsApp", "full_access_as_app"]


@pytest.mark.usefixtures("nothing_granted")
def test_declining_returns_an_error_with_admin_consent_true(
    sandbox: Sandbox, session: requests.Session, customer: Customer, ask: Ask
) -> None:
    answer = decide(session, consent_url(sandbox, customer), "cancel")
    assert (answer["admin_consent"], answer["error"]) == ("True", "access_denied")
    assert answer["state"] == "st&te"
    assert roles(ask, GRAPH_SCOPE) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "33333333-2222-3333-4444-555555555555"}, "AADSTS700016"),
        ({"scope": ""}, "AADSTS900144"),
        ({"redirect_uri": "javascript:alert(1)"}, "AADSTS50011"),
    ],
)
def test_a_wrong_consent_request_stays_at_microsoft(
    sandbox: Sandbox, session: requests.Session, customer: Customer, changes: dict[str, str], code: str
) -> None:
    answer = session.get(consent_url(sandbox, customer, **changes), timeout=10)
    assert answer.status_code == 400
    assert code in answer.text


def test_a_redirect_uri_must_be_registered(sandbox: Sandbox, session: requests.Session, customer: Customer) -> None:
    customer.app.redirect_uris.append("https://elsewhere.example/")
    assert "AADSTS50011" in session.get(consent_url(sandbox, customer), timeout=10).text
