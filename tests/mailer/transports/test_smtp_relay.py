"""The SMTP relay: with and without login, in clear, with STARTTLS and with implicit TLS."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from mailer.errors import Acceptance, SendError
from mailer.message import Message
from mailer.transports import Login, Sender, create_relay
from mailer.transports.smtp_relay import RelayTransport
from sandbox import Sandbox
from sandbox.faults import Stage
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import Arrived, failing
from tests.mailer.smtp_server import Script, SmtpServer

PASSWORD = "Wintér-2026/at:the@plant"
SENDER = Sender("alert@plant.example")
PLAIN_OFFER = (b"SIZE 1000000", b"AUTH PLAIN LOGIN")
Make = Callable[[Script], SmtpServer]


def relay_of(server: SmtpServer, ca_file: str | None, password: str | None = PASSWORD) -> RelayTransport:
    login = Login("svc@plant.example", password) if password is not None else None
    return RelayTransport("localhost", server.port, login, server.script.implicit, ca_file, timeout=20)


def refused(relay: RelayTransport, message: Message) -> SendError:
    return failing(relay, message, SENDER)


def base64_of(text: str) -> bytes:
    return base64.b64encode(text.encode())


# The sent message


def test_relay_without_login_is_used_in_clear(sandbox: Sandbox, message: Message, arrived: Arrived) -> None:
    """As is usual between servers of one organization, without verified certificates."""
    receipt = create_relay(f"smtp://{sandbox.relay_host}:{sandbox.relay_port}").send(message, SENDER)
    (taken,) = arrived(message)
    assert (taken["service"], taken["tls"], taken["mail_from"]) == ("relay", False, "alert@plant.example")
    assert taken["mime"].encode() == message.as_bytes("alert@plant.example")
    assert receipt.answer.startswith("250 2.0.0 OK")


def test_ca_file_requires_tls(sandbox: Sandbox, message: Message, arrived: Arrived) -> None:
    create_relay(f"smtp://{sandbox.relay_host}:{sandbox.relay_port}?ca_file={sandbox.ca_file}").send(message, SENDER)
    assert arrived(message)[0]["tls"] is True


def test_login_uses_starttls(smtp: Make, authorities: Authorities, message: Message) -> None:
    server = smtp(Script(offers=PLAIN_OFFER))
    relay_of(server, authorities.ca_file).send(message, SENDER)
    proof = base64_of(f"\0svc@plant.example\0{PASSWORD}")
    assert b"AUTH PLAIN " + proof in [line.text for line in server.heard]
    assert b"AUTH" not in server.in_clear()
    assert len(server.messages) == 1


def test_login_uses_implicit_tls(smtp: Make, authorities: Authorities, message: Message) -> None:
    server = smtp(Script(offers=PLAIN_OFFER, implicit=True))
    relay_of(server, authorities.ca_file).send(message, SENDER)
    assert "STARTTLS" not in server.verbs()
    assert server.in_clear() == b""


def test_auth_login_is_supported(smtp: Make, authorities: Authorities, message: Message) -> None:
    name, password = base64_of("svc@plant.example"), base64_of(PASSWORD)
    replies = {
        "AUTH": b"334 VXNlcm5hbWU6",
        name.decode().upper(): b"334 UGFzc3dvcmQ6",
        password.decode().upper(): b"235 2.7.0 in",
    }
    server = smtp(Script(dict(replies), offers=(b"AUTH=LOGIN",)))
    relay_of(server, authorities.ca_file).send(message, SENDER)
    assert [line.text for line in server.heard][3:6] == [b"AUTH LOGIN", name, password]


def test_helo_is_used_without_ehlo(smtp: Make, message: Message) -> None:
    server = smtp(Script({"EHLO": b"502 5.5.1 what"}))
    relay_of(server, None, password=None).send(message, SENDER)
    assert server.verbs()[:3] == ["EHLO", "HELO", "MAIL"]


# Refusals


@pytest.mark.control(47)
@pytest.mark.parametrize("ca_file", [True, False], ids=["by its ca_file", "by a login"])
def test_relay_without_starttls_gets_no_secret(
    smtp: Make, authorities: Authorities, message: Message, ca_file: bool
) -> None:
    server = smtp(Script(offers_in_clear=PLAIN_OFFER))
    relay = relay_of(server, authorities.ca_file if ca_file else None, password=None if ca_file else PASSWORD)
    failure = refused(relay, message)
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert server.verbs() == ["EHLO", "QUIT"]


@pytest.mark.control(47)
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("wrong", ["stranger", "expired", "other_host"])
def test_password_is_not_sent_with_a_wrong_certificate(
    authorities: Authorities, stack: ExitStack, message: Message, wrong: str, implicit: bool
) -> None:
    server = stack.enter_context(SmtpServer(getattr(authorities, wrong), Script(offers=PLAIN_OFFER, implicit=implicit)))
    failure = refused(relay_of(server, authorities.ca_file), message)
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert "AUTH" not in server.verbs()


def test_system_authorities_are_used_without_ca_file(smtp: Make, message: Message) -> None:
    server = smtp(Script(offers=PLAIN_OFFER))
    assert refused(relay_of(server, None), message).cause == "tls"
    assert "AUTH" not in server.verbs()


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"535 5.7.8 Error: authentication failed", "user_sign_in_needed"),
        (b"535 no", "user_sign_in_needed"),
        (b"454 4.7.0 Temporary authentication failure", "transient"),
        (b"421 4.7.0 Too many login attempts", "throttled"),
        (b"550 5.7.30 Basic authentication is not supported for Client Submission.", "basic_auth_retired"),
    ],
)
def test_refused_login_is_not_diagnosed_as_token(
    smtp: Make, authorities: Authorities, message: Message, said: bytes, cause: str
) -> None:
    server = smtp(Script({"AUTH": said}, offers=PLAIN_OFFER))
    failure = refused(relay_of(server, authorities.ca_file), message)
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)
    assert server.verbs().count("AUTH") == 1


def test_password_is_not_sent_after_a_refused_user_name(smtp: Make, authorities: Authorities, message: Message) -> None:
    replies = {"AUTH": b"334 VXNlcm5hbWU6", base64_of("svc@plant.example").decode().upper(): b"535 no such name"}
    server = smtp(Script(dict(replies), offers=(b"AUTH LOGIN",)))
    assert refused(relay_of(server, authorities.ca_file), message).cause == "user_sign_in_needed"
    assert base64_of(PASSWORD) not in [line.text for line in server.heard]


@pytest.mark.parametrize(
    ("offer", "said"), [(b"AUTH CRAM-MD5 GSSAPI", "only AUTH CRAM-MD5 GSSAPI"), (b"SIZE 5", "no AUTH at all")]
)
def test_relay_without_supported_auth_is_reported(
    smtp: Make, authorities: Authorities, message: Message, offer: bytes, said: str
) -> None:
    failure = refused(relay_of(smtp(Script(offers=(offer,))), authorities.ca_file), message)
    assert failure.cause == "smtp_auth_disabled"
    assert said in failure.technical


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"530 5.7.0 Must issue a STARTTLS command first", "tls"),
        (b"530 5.7.57 Client not authenticated to send mail.", "smtp_auth_disabled"),
        (b"554 5.7.1 Relay access denied", "recipient_rejected"),
    ],
)
def test_relay_requirements_are_reported(smtp: Make, message: Message, said: bytes, cause: str) -> None:
    failure = refused(relay_of(smtp(Script({"MAIL": said})), None, password=None), message)
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)


@pytest.mark.parametrize(
    ("stage", "status", "cause"),
    [
        ("connect", 421, "throttled"),
        ("mail", 451, "throttled"),
        ("rcpt", 550, "recipient_rejected"),
        ("data", 554, "other"),
        ("data", 552, "message_too_large"),
    ],
)
def test_refusal_at_any_stage_is_not_doubtful(
    sandbox: Sandbox, message: Message, arrived: Arrived, stage: Stage, status: int, cause: str
) -> None:
    sandbox.faults.add(service="relay", stage=stage, status=status)
    failure = refused(RelayTransport("localhost", sandbox.relay_port, timeout=20), message)
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)
    assert arrived(message) == []


@pytest.mark.parametrize(("reset", "count"), [("before", 0), ("after", 1)])
def test_reset_after_the_dot_is_doubtful(
    sandbox: Sandbox, message: Message, arrived: Arrived, reset: str, count: int
) -> None:
    sandbox.faults.add(service="relay", reset=reset)  # type: ignore[arg-type]
    failure = refused(RelayTransport("localhost", sandbox.relay_port, timeout=20), message)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(arrived(message)) == count


# The URL


@pytest.mark.parametrize(
    ("url", "host", "port", "implicit", "login"),
    [
        ("smtp://mail.plant.example", "mail.plant.example", 25, False, None),
        ("smtp://mail.plant.example:2525", "mail.plant.example", 2525, False, None),
        ("smtp://a:b@mail.plant.example/", "mail.plant.example", 587, False, Login("a", "b")),
        ("smtps://a%40x:p%2F%23%3A@mail.plant.example", "mail.plant.example", 465, True, Login("a@x", "p/#:")),
        ("smtp://a@mail.plant.example", "mail.plant.example", 587, False, Login("a", "")),
        ("smtp://[::1]:25", "::1", 25, False, None),
    ],
)
def test_url_has_host_port_tls_and_login(url: str, host: str, port: int, implicit: bool, login: Login | None) -> None:
    relay = RelayTransport.from_url(url)
    assert (relay.host, relay.port, relay.implicit_tls, relay.login) == (host, port, implicit, login)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.plant.example:25",
        "http://mail.plant.example",
        "smtp://",
        "smtp://svc:hush@mail.plant.example:many",
        "smtp://svc:hush@mail.plant.example:99999",
        "smtp://svc:hush#1@mail.plant.example",
        "smtp://svc:hu/sh@mail.plant.example",
        "smtp://svc:hush@[::1",
        "smtp://mail.plant.example/path",
        "smtp://mail.plant.example?ca_file=/nothing.pem",
    ],
)
def test_invalid_url_is_reported_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^The SMTP URL.*\.$") as caught:
        create_relay(url)
    assert "hush" not in str(caught.value)
    assert "hu/sh" not in str(caught.value)


# Secrets


def test_repr_does_not_contain_the_password(
    smtp: Make, authorities: Authorities, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    proofs = [base64_of(f"\0svc@plant.example\0{PASSWORD}"), base64_of(PASSWORD), PASSWORD.encode()]
    for proof in proofs:
        server = smtp(Script({"AUTH": b"535 5.7.8 you said " + proof}, offers=PLAIN_OFFER))
        relay = relay_of(server, authorities.ca_file)
        with caplog.at_level(logging.DEBUG):
            failure = refused(relay, message)
        assert "[hidden]" in failure.technical
        for shown in (str(failure), repr(relay), caplog.text):
            assert proof.decode() not in shown
