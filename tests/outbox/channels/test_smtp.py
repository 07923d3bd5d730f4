"""Mail by an address of apprise's, to servers that a test scripts."""

from __future__ import annotations

import email
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.core.exceptions import ValidationError

from alertadmin.outbox import messages as outbox_messages
from alertadmin.outbox.channels import transport
from alertadmin.outbox.channels.apprise import client
from mailer.errors import Acceptance, SendError
from mailer.http import deadline_sockets
from mailer.http.ssrf_guard import EgressAllowlist
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.smtp_server import Script, SmtpServer
from tests.outbox.channels.conftest import LOOPBACK, NOTICE

Smtp = Callable[[Script], SmtpServer]
PLAIN = (b"AUTH PLAIN", b"SIZE 1000000")


@pytest.fixture
def smtp(authorities: Authorities, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Smtp]:
    """As if the machine trusted the tests' authority."""
    monkeypatch.setenv("SSL_CERT_FILE", authorities.ca_file)
    deadline_sockets.tls_context.cache_clear()
    yield lambda script: stack.enter_context(SmtpServer(authorities.good, script))
    deadline_sockets.tls_context.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def over() -> Iterator[None]:
    yield
    client.end()


def url_of(server: SmtpServer, scheme: str = "mailtos", login: str = "duty:secretword@") -> str:
    return f"{scheme}://{login}localhost:{server.port}/?from=alerts@mail.example&to=a@x.example,b@y.example"


def failed(url: str, allowed: EgressAllowlist = LOOPBACK) -> SendError:
    with pytest.raises(SendError) as caught:
        transport.send_notification(url, NOTICE, allowed=allowed)
    return caught.value


def test_mail_is_sent_over_tls_with_message_id_and_date(smtp: Smtp) -> None:
    server = smtp(Script(offers=PLAIN))
    transport.send_notification(url_of(server), NOTICE, allowed=LOOPBACK)
    transport.send_notification(url_of(server), NOTICE, allowed=LOOPBACK)
    first, second = server.messages
    assert first == second
    message = email.message_from_bytes(first)
    assert message["Message-ID"] == f"<{NOTICE.id}@mail.example>"
    assert (message["From"], message["To"]) == ("alerts@mail.example", "a@x.example, b@y.example")
    assert "Tue, 24 Nov 2026 08:30:00" in message["Date"]
    assert b"MAIL" not in server.in_clear()
    assert b"AUTH" not in server.in_clear()


@pytest.mark.control(47)
@pytest.mark.parametrize("login", ["duty:secretword@", ""])
def test_without_starttls_nothing_is_said(smtp: Smtp, login: str) -> None:
    server = smtp(Script(offers_in_clear=(b"AUTH PLAIN",)))
    failure = failed(url_of(server, login=login))
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert b"MAIL" not in server.in_clear()
    assert b"AUTH" not in server.in_clear()


@pytest.mark.control(47)
def test_a_password_is_never_said_in_clear_even_where_no_tls_is_asked_for(smtp: Smtp) -> None:
    server = smtp(Script(offers_in_clear=(b"AUTH PLAIN",)))
    assert failed(url_of(server, "mailto")).cause == "tls"
    assert b"AUTH" not in server.in_clear()


def test_internal_mail_server_may_be_used_without_tls(smtp: Smtp) -> None:
    server = smtp(Script(offers_in_clear=()))
    transport.send_notification(url_of(server, "mailto", login=""), NOTICE, allowed=LOOPBACK)
    assert len(server.messages) == 1


@pytest.mark.control(46)
def test_a_server_inside_is_not_called(smtp: Smtp) -> None:
    server = smtp(Script())
    failure = failed(url_of(server), EgressAllowlist())
    assert (failure.technical, failure.outcome) == (outbox_messages.INTERNAL_ADDRESS, Acceptance.NOT_SENT)
    assert server.connections == 0


def test_wrong_password_is_reported_and_not_retried(smtp: Smtp) -> None:
    server = smtp(Script(offers=PLAIN, replies={"AUTH": b"535 5.7.8 no such duty with secretword"}))
    failure = failed(url_of(server))
    assert failure.cause == "user_sign_in_needed"
    assert "secretword" not in str(failure)


@pytest.mark.parametrize("url", ["mailtos://", "mailtos://mail.example", "mailtos://u:p@mail.example?to=no-address"])
def test_an_address_without_sender_or_recipient_is_none(url: str) -> None:
    with pytest.raises(ValidationError, match="incomplete"):
        transport.check_address(url)


def test_a_provider_is_known_by_its_name() -> None:
    service = transport.check_address("mailtos://someone:app-password@gmail.com")
    assert (service.label, service.kind) == ("E-mail", "email")
