"""SMTP submission and relay, with smtplib."""

from __future__ import annotations

import smtplib

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import EXCHANGE_SCOPE, GRAPH_SCOPE, Ask, Customer, mime, xoauth2

ALARMS, ONCALL = "alarms@northpark.example", "oncall@northpark.example"


def log_in(client: smtplib.SMTP, token: str, user: str = ALARMS) -> tuple[int, bytes]:
    return client.docmd("AUTH", f"XOAUTH2 {xoauth2(user, token)}")


def test_a_token_logs_in_and_the_message_arrives_as_it_was_sent(
    submission: smtplib.SMTP, sandbox: Sandbox, customer: Customer, exchange_token: str
) -> None:
    assert log_in(submission, exchange_token) == (235, b"2.7.0 Authentication successful")
    assert submission.sendmail(ALARMS, [ONCALL, "log@northpark.example"], mime()) == {}
    (entry,) = sandbox.ledger.messages()
    assert (entry["service"], entry["tls"]) == ("smtp", True)
    assert entry["to"] == [ONCALL, "log@northpark.example"]
    assert entry["mime"].encode() == mime()
    assert entry["client_id"] == customer.app.client_id


def test_the_string_may_come_after_an_empty_challenge(submission: smtplib.SMTP, exchange_token: str) -> None:
    assert submission.docmd("AUTH", "XOAUTH2")[0] == 334
    assert submission.docmd(xoauth2(ALARMS, exchange_token))[0] == 235


def test_login_is_offered_only_after_starttls(sandbox: Sandbox, submission: smtplib.SMTP) -> None:
    assert submission.esmtp_features["auth"].split() == ["LOGIN", "XOAUTH2"]
    with smtplib.SMTP(sandbox.smtp_host, sandbox.smtp_port, timeout=10) as plain:
        plain.ehlo()
        assert "auth" not in plain.esmtp_features
        assert plain.docmd("AUTH", "XOAUTH2")[0] == 504


def test_nothing_is_sent_without_a_login(submission: smtplib.SMTP) -> None:
    code, text = submission.docmd(f"MAIL FROM:<{ALARMS}>")
    assert code == 530
    assert text.startswith(b"5.7.57 Client not authenticated to send mail.")


def test_bad_token_is_refused_with_exchanges_reply(submission: smtplib.SMTP, customer: Customer) -> None:
    code, text = log_in(submission, "not.a.token")
    assert code == 535
    assert text.startswith(b"5.7.3 Authentication unsuccessful [")


def test_a_graph_token_is_refused_even_for_a_mailbox_in_the_apps_scope(
    submission: smtplib.SMTP, ask: Ask, sandbox: Sandbox, customer: Customer
) -> None:
    sandbox.directory.scope(customer.app, "SMTP.SendAsApp", [ALARMS])
    assert log_in(submission, ask(GRAPH_SCOPE)["access_token"])[0] == 535


def test_a_token_without_the_role_is_refused(
    submission: smtplib.SMTP, ask: Ask, sandbox: Sandbox, customer: Customer
) -> None:
    sandbox.directory.revoke(customer.app, "SMTP.SendAsApp")
    assert log_in(submission, ask(EXCHANGE_SCOPE)["access_token"])[0] == 535


def test_an_app_scoped_to_the_mailbox_logs_in(
    submission: smtplib.SMTP, ask: Ask, sandbox: Sandbox, customer: Customer
) -> None:
    sandbox.directory.scope(customer.app, "SMTP.SendAsApp", [ALARMS])
    assert log_in(submission, ask(EXCHANGE_SCOPE)["access_token"])[0] == 235


def test_mailbox_with_smtp_disabled_is_reported(
    submission: smtplib.SMTP, sandbox: Sandbox, customer: Customer, exchange_token: str
) -> None:
    sandbox.directory.add_mailbox(customer.tenant, ALARMS, smtp_auth_enabled=False)
    code, text = log_in(submission, exchange_token)
    assert code == 535
    assert text.startswith(b"5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox")


def test_a_password_is_refused(submission: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError, match=r"5\.7\.30 Basic authentication is not supported"):
        submission.login(ALARMS, "password")


def test_another_envelope_sender_is_denied(submission: smtplib.SMTP, exchange_token: str) -> None:
    log_in(submission, exchange_token)
    with pytest.raises(smtplib.SMTPSenderRefused, match=r"5\.7\.60 SMTP; Client does not have permissions"):
        submission.sendmail("boss@northpark.example", [ONCALL], mime())


def test_another_from_is_denied(submission: smtplib.SMTP, sandbox: Sandbox, exchange_token: str) -> None:
    log_in(submission, exchange_token)
    with pytest.raises(smtplib.SMTPDataError, match=r"5\.2\.252 SendAsDenied; alarms@northpark\.example not allowed"):
        submission.sendmail(ALARMS, [ONCALL], mime(From="boss@northpark.example"))
    assert sandbox.ledger.messages() == []


def test_many_messages_go_over_one_connection(submission: smtplib.SMTP, sandbox: Sandbox, exchange_token: str) -> None:
    log_in(submission, exchange_token)
    for number in range(5):
        submission.sendmail(ALARMS, [ONCALL], mime(message_id=f"<{number}@northpark.example>"))
    assert len(sandbox.ledger.messages()) == 5


def test_one_of_two_recipients_may_be_refused(submission: smtplib.SMTP, sandbox: Sandbox, exchange_token: str) -> None:
    log_in(submission, exchange_token)
    sandbox.faults.add(service="smtp", stage="rcpt", status=550, mailbox="bad@northpark.example")
    refused = submission.sendmail(ALARMS, [ONCALL, "bad@northpark.example"], mime())
    assert list(refused) == ["bad@northpark.example"]
    assert sandbox.ledger.messages()[0]["to"] == [ONCALL]


def test_a_limit_can_be_scripted(submission: smtplib.SMTP, sandbox: Sandbox, exchange_token: str) -> None:
    log_in(submission, exchange_token)
    sandbox.faults.add(service="smtp", status=432)
    with pytest.raises(smtplib.SMTPDataError, match="Concurrent connections limit exceeded"):
        submission.sendmail(ALARMS, [ONCALL], mime())


@pytest.mark.parametrize(("reset", "arrived"), [("before", 0), ("after", 1)])
def test_connection_can_be_reset_before_or_after_acceptance(
    submission: smtplib.SMTP, sandbox: Sandbox, exchange_token: str, reset: str, arrived: int
) -> None:
    log_in(submission, exchange_token)
    sandbox.faults.add(service="smtp", reset=reset)  # type: ignore[arg-type]
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        submission.sendmail(ALARMS, [ONCALL], mime())
    assert len(sandbox.ledger.messages()) == arrived


def test_a_refusal_can_come_with_a_json_challenge_first(
    submission: smtplib.SMTP, sandbox: Sandbox, exchange_token: str
) -> None:
    sandbox.faults.add(service="smtp", stage="auth", status=535, body={"status": "401"})
    code, challenge = log_in(submission, exchange_token)
    assert (code, challenge) == (334, b"eyJzdGF0dXMiOiAiNDAxIn0=")
    assert submission.docmd("")[0] == 535


def test_relay_accepts_mail_without_a_login(sandbox: Sandbox) -> None:
    with smtplib.SMTP(sandbox.relay_host, sandbox.relay_port, timeout=10) as relay:
        relay.sendmail("alert@plant.example", [ONCALL], mime(From="alert@plant.example"))
    (entry,) = sandbox.ledger.messages()
    assert (entry["service"], entry["from"], entry["mailbox"]) == (
        "relay",
        "alert@plant.example",
        "alert@plant.example",
    )


@pytest.mark.parametrize(
    ("stage", "status", "error"),
    [
        ("connect", 421, smtplib.SMTPConnectError),
        ("mail", 451, smtplib.SMTPSenderRefused),
        ("rcpt", 550, smtplib.SMTPRecipientsRefused),
        ("data", 554, smtplib.SMTPDataError),
    ],
)
def test_relay_applies_faults_at_their_stage(sandbox: Sandbox, stage: str, status: int, error: type[Exception]) -> None:
    sandbox.faults.add(service="relay", stage=stage, status=status)  # type: ignore[arg-type]
    with pytest.raises(error), smtplib.SMTP(sandbox.relay_host, sandbox.relay_port, timeout=10) as relay:
        relay.sendmail(ALARMS, [ONCALL], mime())
    assert sandbox.ledger.messages() == []
