"""Exchange Web Services, with exchangelib and with plain requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import exchangelib
import pytest
import requests
from exchangelib import errors
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.protocol import BaseProtocol, close_connections
from exchangelib.version import EXCHANGE_O365, Version
from requests.adapters import HTTPAdapter

from sandbox import Sandbox
from tests.sandbox.conftest import EXCHANGE_SCOPE, GRAPH_SCOPE, Ask, Customer, mime

ALARMS = "alarms@northpark.example"
Open = Callable[..., Any]


class Bearer(OAuth2AuthorizationCodeCredentials):  # type: ignore[misc]
    def __init__(self, token: str) -> None:
        super().__init__(access_token={"access_token": token, "token_type": "Bearer"})

    def refresh(self, session: object) -> None:
        raise AssertionError("the token is valid and must not be refreshed")


@pytest.fixture
def account(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    class Trusting(HTTPAdapter):
        """exchangelib has no setting for a CA, only an adapter for the whole process."""

        def send(self, request: Any, *arguments: Any, **named: Any) -> requests.Response:
            return super().send(request, *arguments, **{**named, "verify": str(sandbox.ca_file), "proxies": {}})

    monkeypatch.setattr(BaseProtocol, "HTTP_ADAPTER_CLS", Trusting)
    monkeypatch.setattr(BaseProtocol, "TIMEOUT", 10)

    def opened(
        credentials: Any, address: str = ALARMS, path: str = "/EWS/Exchange.asmx", kind: str = "OAuth 2.0"
    ) -> Any:
        configuration = exchangelib.Configuration(
            service_endpoint=f"{sandbox.url}{path}",
            credentials=credentials,
            auth_type=kind,
            version=Version(EXCHANGE_O365),
            retry_policy=exchangelib.FailFast(),
        )
        return exchangelib.Account(
            address,
            config=configuration,
            autodiscover=False,
            access_type=exchangelib.IMPERSONATION,
            default_timezone=exchangelib.EWSTimeZone("UTC"),
        )

    yield opened
    close_connections()


def message(account: Any, **changes: Any) -> Any:
    fields = {"subject": "Pompe 3 arrêtée", "body": "Arrêt à 04:12", "to_recipients": ["oncall@northpark.example"]}
    return exchangelib.Message(account=account, **{**fields, **changes})


def test_structured_message_arrives_complete(account: Open, sandbox: Sandbox, exchange_token: str) -> None:
    message(
        account(Bearer(exchange_token)),
        body=exchangelib.HTMLBody("<p>Arrêt à 04:12</p>"),
        cc_recipients=["boss@northpark.example"],
        bcc_recipients=["log@northpark.example"],
        reply_to=[exchangelib.Mailbox(email_address="plant@northpark.example")],
        message_id="<pump-3@northpark.example>",
        attachments=[exchangelib.FileAttachment(name="trend.csv", content=b"1;2", content_type="text/csv")],
    ).send(save_copy=False)
    (entry,) = sandbox.ledger.messages("<pump-3@northpark.example>")
    assert (entry["service"], entry["disposition"]) == ("ews", "SendOnly")
    assert entry["to"] == ["oncall@northpark.example", "boss@northpark.example", "log@northpark.example"]
    parsed = message_from_string(entry["mime"], policy=policy.default)
    assert parsed["Subject"] == "Pompe 3 arrêtée"
    assert parsed["Reply-To"] == "plant@northpark.example"
    html = parsed.get_body(("html",))
    assert html is not None
    assert "Arrêt à 04:12" in html.get_content()
    assert [part.get_filename() for part in parsed.iter_attachments()] == ["trend.csv"]


def test_a_mime_message_is_kept_as_it_came(account: Open, sandbox: Sandbox, exchange_token: str) -> None:
    exchangelib.Message(account=account(Bearer(exchange_token)), mime_content=mime()).send(save_copy=False)
    assert sandbox.ledger.messages()[0]["mime"].encode() == mime()


def test_a_send_is_one_request(account: Open, sandbox: Sandbox, exchange_token: str) -> None:
    message(account(Bearer(exchange_token))).send(save_copy=False)
    assert [one["service"] for one in sandbox.ledger.entries()] == ["token", "ews"]


def test_a_send_with_a_copy_finds_its_folder_first(account: Open, sandbox: Sandbox, exchange_token: str) -> None:
    message(account(Bearer(exchange_token))).send()
    assert [one["disposition"] for one in sandbox.ledger.messages()] == ["SendAndSaveCopy"]


def test_an_unknown_mailbox_does_not_exist(account: Open, exchange_token: str) -> None:
    with pytest.raises(errors.ErrorNonExistentMailbox):
        message(account(Bearer(exchange_token), "unknown@northpark.example")).send(save_copy=False)


def test_sending_as_someone_else_is_denied(account: Open, sandbox: Sandbox, exchange_token: str) -> None:
    other = exchangelib.Mailbox(email_address="boss@northpark.example")
    with pytest.raises(errors.ErrorSendAsDenied):
        message(account(Bearer(exchange_token)), author=other).send(save_copy=False)
    assert sandbox.ledger.messages() == []


def test_an_app_scoped_to_another_mailbox_may_not_impersonate(
    account: Open, ask: Ask, sandbox: Sandbox, customer: Customer
) -> None:
    sandbox.directory.add_mailbox(customer.tenant, "other@northpark.example")
    sandbox.directory.scope(customer.app, "full_access_as_app", ["other@northpark.example"])
    token = ask(EXCHANGE_SCOPE)["access_token"]
    message(account(Bearer(token), "other@northpark.example")).send(save_copy=False)
    with pytest.raises(errors.ErrorImpersonateUserDenied):
        message(account(Bearer(token))).send(save_copy=False)


def test_busy_server_sends_back_off(account: Open, sandbox: Sandbox, exchange_token: str) -> None:
    sandbox.faults.add(service="ews", code="ErrorServerBusy", headers={"Retry-After": "25"})
    with pytest.raises(errors.ErrorServerBusy) as caught:
        message(account(Bearer(exchange_token))).send(save_copy=False)
    assert caught.value.back_off == 25


@pytest.mark.parametrize(("reset", "arrived"), [("before", 0), ("after", 1)])
def test_connection_can_be_reset_before_or_after_acceptance(
    account: Open, sandbox: Sandbox, exchange_token: str, reset: str, arrived: int
) -> None:
    sandbox.faults.add(service="ews", reset=reset, mailbox=ALARMS)  # type: ignore[arg-type]
    with pytest.raises(errors.ErrorTimeoutExpired):
        message(account(Bearer(exchange_token))).send(save_copy=False)
    assert len(sandbox.ledger.messages()) == arrived


def soap_body(impersonate: str | None, disposition: str = "SendOnly") -> str:
    header = (
        "<s:Header><t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
        f"{impersonate}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>"
    )
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" '
        'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">'
        f'{header if impersonate else ""}<s:Body><m:CreateItem MessageDisposition="{disposition}"><m:Items><t:Message>'
        "<t:Subject>x</t:Subject><t:ToRecipients><t:Mailbox><t:EmailAddress>a@b.example</t:EmailAddress></t:Mailbox>"
        "</t:ToRecipients></t:Message></m:Items></m:CreateItem></s:Body></s:Envelope>"
    )


def soap(sandbox: Sandbox, session: requests.Session, token: str | None, impersonate: str | None) -> requests.Response:
    headers = {"Content-Type": "text/xml; charset=utf-8", **({"Authorization": f"Bearer {token}"} if token else {})}
    return session.post(
        f"{sandbox.url}/EWS/Exchange.asmx", data=soap_body(impersonate).encode(), headers=headers, timeout=10
    )


def test_without_a_token_exchange_asks_for_a_bearer(sandbox: Sandbox, session: requests.Session) -> None:
    answer = soap(sandbox, session, None, ALARMS)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer client_id="00000002-0000-0ff1-ce00-000000000000"')


def test_a_token_for_graph_has_the_wrong_audience(sandbox: Sandbox, session: requests.Session, ask: Ask) -> None:
    answer = soap(sandbox, session, ask(GRAPH_SCOPE)["access_token"], ALARMS)
    assert answer.status_code == 401
    assert 'error_category="invalid_resource"' in answer.headers["x-ms-diagnostics"]


@pytest.mark.parametrize(
    ("revoked", "status", "reason"),
    [
        (["full_access_as_app"], 403, "The token contains not enough scope to make this call."),
        (["full_access_as_app", "SMTP.SendAsApp"], 401, "The token contains no permissions"),
    ],
)
def test_a_token_without_the_role_is_refused_with_a_diagnosis(
    sandbox: Sandbox,
    session: requests.Session,
    ask: Ask,
    customer: Customer,
    revoked: list[str],
    status: int,
    reason: str,
) -> None:
    for permission in revoked:
        sandbox.directory.revoke(customer.app, permission)
    answer = soap(sandbox, session, ask(EXCHANGE_SCOPE)["access_token"], ALARMS)
    assert answer.status_code == status
    assert answer.headers["x-ms-diagnostics"].startswith(f'2000008;reason="{reason}')


def test_an_app_must_impersonate(sandbox: Sandbox, session: requests.Session, exchange_token: str) -> None:
    answer = soap(sandbox, session, exchange_token, None)
    assert answer.status_code == 500
    assert "ExchangeImpersonation SOAP header must be present for this type of OAuth token." in answer.text
    assert "a:ErrorAccessDenied</faultcode>" in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"not xml", b"<a/>", b"\xff\xfe\x00", b"<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>"]
)
def test_what_is_not_soap_fails_validation(
    sandbox: Sandbox, session: requests.Session, exchange_token: str, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {exchange_token}", "Content-Type": "text/xml"}
    answer = session.post(f"{sandbox.url}/EWS/Exchange.asmx", data=body, headers=headers, timeout=10)
    assert answer.status_code == 500
    assert "ErrorSchemaValidation" in answer.text


@pytest.mark.parametrize(
    ("disposition", "status", "arrived"), [("SendAndSaveCopy", 200, 1), ("SendOnly", 200, 1), ("SaveOnly", 500, 0)]
)
def test_only_messages_to_send_are_accepted(
    sandbox: Sandbox, session: requests.Session, exchange_token: str, disposition: str, status: int, arrived: int
) -> None:
    headers = {"Authorization": f"Bearer {exchange_token}", "Content-Type": "text/xml"}
    body = soap_body(ALARMS, disposition)
    answer = session.post(f"{sandbox.url}/EWS/Exchange.asmx", data=body, headers=headers, timeout=10)
    assert answer.status_code == status
    assert [one["disposition"] for one in sandbox.ledger.messages()] == [disposition] * arrived


def test_an_entity_in_the_xml_reads_no_file(
    sandbox: Sandbox, session: requests.Session, exchange_token: str, tmp_path: Path
) -> None:
    (tmp_path / "private.txt").write_text("not for the mail")
    sent = soap_body(ALARMS).replace("<t:Subject>x<", "<t:Subject>&file;<")
    entity = f'<!DOCTYPE s [<!ENTITY file SYSTEM "{(tmp_path / "private.txt").as_uri()}">]>'
    headers = {"Authorization": f"Bearer {exchange_token}", "Content-Type": "text/xml"}
    session.post(f"{sandbox.url}/EWS/Exchange.asmx", data=entity + sent, headers=headers, timeout=10)
    assert "not for the mail" not in (sandbox.folder / "ledger.jsonl").read_text()


def test_tenant_without_ews_returns_empty_403(
    account: Open, sandbox: Sandbox, session: requests.Session, customer: Customer, exchange_token: str
) -> None:
    sandbox.directory.set_ews(customer.tenant, enabled=False)
    answer = soap(sandbox, session, exchange_token, ALARMS)
    assert (answer.status_code, answer.content) == (403, b"")
    assert "x-ms-diagnostics" not in answer.headers
    with pytest.raises(errors.MalformedResponseError, match="Code: 403"):
        message(account(Bearer(exchange_token))).send(save_copy=False)


def test_allow_list_admits_only_listed_apps(
    sandbox: Sandbox, session: requests.Session, customer: Customer, exchange_token: str
) -> None:
    sandbox.directory.set_ews(customer.tenant, enabled=True, allowed_apps=[])
    assert soap(sandbox, session, exchange_token, ALARMS).status_code == 403
    sandbox.directory.set_ews(customer.tenant, enabled=True, allowed_apps=[customer.app.client_id])
    assert soap(sandbox, session, exchange_token, ALARMS).status_code == 200


@pytest.mark.parametrize(("kind", "username"), [("basic", "alert"), ("NTLM", "PLANT\\alert"), ("NTLM", "alert")])
def test_exchange_on_premises_takes_a_login(
    account: Open, sandbox: Sandbox, customer: Customer, kind: str, username: str
) -> None:
    sandbox.directory.add_login("alert", "correct horse")
    login = exchangelib.Credentials(username, "correct horse")
    message(account(login, path="/onprem/EWS/Exchange.asmx", kind=kind)).send(save_copy=False)
    assert sandbox.ledger.messages()[0]["login"] == "alert"


@pytest.mark.parametrize("kind", ["basic", "NTLM"])
def test_exchange_on_premises_refuses_a_wrong_password(
    account: Open, sandbox: Sandbox, customer: Customer, kind: str
) -> None:
    sandbox.directory.add_login("alert", "correct horse")
    login = exchangelib.Credentials("alert", "wrong")
    with pytest.raises(errors.UnauthorizedError):
        message(account(login, path="/onprem/EWS/Exchange.asmx", kind=kind)).send(save_copy=False)
    assert sandbox.ledger.messages() == []
