"""Mail by an address of apprise's, to servers that a test scripts."""

from __future__ import annotations

import email
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.core.exceptions import ValidationError

from alertadmin.outbox import sentences
from alertadmin.outbox.channels import apart, telling
from alertadmin.outbox.channels.guard import Allowed
from mailer import sockets
from mailer.failure import Failure, Outcome
from tests.mailer.authorities import Authorities
from tests.mailer.smtp_server import Script, SmtpServer
from tests.outbox.channels.conftest import LOOPBACK, NOTICE

Smtp = Callable[[Script], SmtpServer]
PLAIN = (b"AUTH PLAIN", b"SIZE 1000000")


@pytest.fixture
def smtp(authorities: Authorities, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Smtp]:
    """As if the machine trusted the tests' authority."""
    monkeypatch.setenv("SSL_CERT_FILE", authorities.ca_file)
    sockets.tls_context.cache_clear()
    yield lambda script: stack.enter_context(SmtpServer(authorities.good, script))
    sockets.tls_context.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def over() -> Iterator[None]:
    yield
    apart.end()


def url_of(server: SmtpServer, scheme: str = "mailtos", login: str = "duty:secretword@") -> str:
    return f"{scheme}://{login}localhost:{server.port}/?from=alerts@mail.example&to=a@x.example,b@y.example"


def failed(url: str, allowed: Allowed = LOOPBACK) -> Failure:
    with pytest.raises(Failure) as caught:
        telling.tell(url, NOTICE, allowed=allowed)
    return caught.value


def test_it_goes_over_tls_with_an_id_and_a_date_of_its_own(smtp: Smtp) -> None:
    server = smtp(Script(offers=PLAIN))
    telling.tell(url_of(server), NOTICE, allowed=LOOPBACK)
    telling.tell(url_of(server), NOTICE, allowed=LOOPBACK)
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
    assert (failure.cause, failure.outcome) == ("tls", Outcome.NOT_SENT)
    assert b"MAIL" not in server.in_clear()
    assert b"AUTH" not in server.in_clear()


@pytest.mark.control(47)
def test_a_password_is_never_said_in_clear_even_where_no_tls_is_asked_for(smtp: Smtp) -> None:
    server = smtp(Script(offers_in_clear=(b"AUTH PLAIN",)))
    assert failed(url_of(server, "mailto")).cause == "tls"
    assert b"AUTH" not in server.in_clear()


def test_a_server_of_the_house_may_be_told_in_clear(smtp: Smtp) -> None:
    server = smtp(Script(offers_in_clear=()))
    telling.tell(url_of(server, "mailto", login=""), NOTICE, allowed=LOOPBACK)
    assert len(server.messages) == 1


@pytest.mark.control(46)
def test_a_server_inside_is_not_called(smtp: Smtp) -> None:
    server = smtp(Script())
    failure = failed(url_of(server), Allowed())
    assert (failure.technical, failure.outcome) == (sentences.INSIDE, Outcome.NOT_SENT)
    assert server.connections == 0


def test_a_wrong_password_is_told_and_not_repeated(smtp: Smtp) -> None:
    server = smtp(Script(offers=PLAIN, replies={"AUTH": b"535 5.7.8 no such duty with secretword"}))
    failure = failed(url_of(server))
    assert failure.cause == "user_sign_in_needed"
    assert "secretword" not in str(failure)


@pytest.mark.parametrize("url", ["mailtos://", "mailtos://mail.example", "mailtos://u:p@mail.example?to=nobody"])
def test_an_address_without_sender_or_recipient_is_none(url: str) -> None:
    with pytest.raises(ValidationError, match="incomplete"):
        telling.check(url)


def test_a_provider_is_known_by_its_name() -> None:
    service = telling.check("mailtos://somebody:app-password@gmail.com")
    assert (service.label, service.kind) == ("E-mail", "email")
