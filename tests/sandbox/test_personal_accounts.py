"""Personal accounts: device code, refresh tokens and permissions; with msal and with plain requests."""

from __future__ import annotations

import smtplib
from typing import Any

import msal
import pytest
import requests

from sandbox import Sandbox
from sandbox.state.directory import Directory
from sandbox.state.models import SandboxApp
from tests.sandbox.conftest import Customer, mime, xoauth2

MAIL = "https://graph.microsoft.com/Mail.Send"
SMTP = "https://outlook.office.com/SMTP.Send"
ADDRESS = "alarms.at.home@outlook.example"


@pytest.fixture
def app(sandbox: Sandbox, customer: Customer) -> SandboxApp:
    sandbox.directory.add_account(ADDRESS)
    return sandbox.directory.add_app(customer.tenant, "ALERT at home", personal_accounts=True, public_client=True)


class Device:
    """A program with a device code, and the person who uses it."""

    def __init__(self, sandbox: Sandbox, session: requests.Session, client_id: str) -> None:
        self.url, self.session, self.client_id = sandbox.url, session, client_id

    @property
    def msal(self) -> Any:
        return msal.PublicClientApplication(
            self.client_id,
            authority=f"{self.url}/consumers",
            instance_discovery=False,
            http_client=self.session,
        )

    def begin(self, scope: str = MAIL) -> dict[str, Any]:
        flow: dict[str, Any] = self.msal.initiate_device_flow([scope])
        return flow

    def poll(self, flow: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.msal.acquire_token_by_device_flow(dict(flow), exit_condition=lambda flow: True)
        return answer

    def decide(self, flow: dict[str, Any], decision: str = "accept", account: str = ADDRESS) -> str:
        form = {"otc": flow["user_code"], "account": account, "decision": decision}
        return self.session.post(flow["verification_uri"], data=form, timeout=10).text

    def sign_in(self, scope: str = MAIL) -> dict[str, Any]:
        flow = self.begin(scope)
        self.decide(flow)
        return self.poll(flow)

    def refresh(self, refresh_token: str, scope: str = MAIL) -> dict[str, Any]:
        answer: dict[str, Any] = self.msal.acquire_token_by_refresh_token(refresh_token, [scope])
        return answer


@pytest.fixture
def device(sandbox: Sandbox, session: requests.Session, app: SandboxApp) -> Device:
    return Device(sandbox, session, app.client_id)


def send(sandbox: Sandbox, session: requests.Session, token: str, who: str = "me") -> requests.Response:
    message = {"subject": "Pump", "toRecipients": [{"emailAddress": {"address": "oncall@northpark.example"}}]}
    return session.post(
        f"{sandbox.url}/graph/v1.0/{who}/sendMail",
        json={"message": message},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )


def test_device_code_response_has_entras_format(device: Device) -> None:
    flow = device.begin()
    assert {"user_code", "device_code", "verification_uri", "expires_in", "interval", "message"} <= set(flow)
    assert (flow["expires_in"], flow["interval"]) == (900, 5)
    assert flow["user_code"] in flow["message"]


def test_poll_is_pending_until_the_person_accepts(device: Device) -> None:
    flow = device.begin()
    pending = device.poll(flow)
    assert (pending["error"], pending["error_codes"]) == ("authorization_pending", [70016])
    assert "You&#x27;re all set" in device.decide(flow)
    assert {"access_token", "refresh_token", "scope", "id_token_claims"} <= set(device.poll(flow))
    assert device.poll(flow)["error_codes"] == [54005]


def test_declined_sign_in_is_reported(device: Device) -> None:
    flow = device.begin()
    device.decide(flow, "cancel")
    assert device.poll(flow)["error"] == "authorization_declined"


def test_code_expires(device: Device, sandbox: Sandbox) -> None:
    flow = device.begin()
    sandbox.consumers.expire_codes()
    assert device.poll(flow)["error"] == "expired_token"
    assert "didn&#x27;t work" in device.decide(flow)


def test_unknown_code_is_refused(device: Device) -> None:
    assert device.poll({"device_code": "no-such-code"})["error"] == "bad_verification_code"


def test_a_wrong_account_is_asked_for_again(device: Device) -> None:
    flow = device.begin()
    assert "exist" in device.decide(flow, account="unknown@outlook.example")
    assert device.poll(flow)["error"] == "authorization_pending"


def test_tokens_are_opaque_and_say_who_signed_in(device: Device) -> None:
    answer = device.sign_in()
    assert answer["access_token"].startswith("EwB")
    assert "." not in answer["access_token"]
    assert answer["scope"] == MAIL
    claims = answer["id_token_claims"]
    assert (claims["preferred_username"], claims["tid"]) == (ADDRESS, "9188040d-6c67-4c5b-b112-36a304b66dad")


def test_a_refresh_token_rotates_and_the_old_one_stays_good(device: Device) -> None:
    first = device.sign_in()["refresh_token"]
    second = device.refresh(first)["refresh_token"]
    assert first != second
    assert "access_token" in device.refresh(first)
    assert "access_token" in device.refresh(second)


@pytest.mark.parametrize(("days", "error_codes"), [(89, None), (90, [700082])])
def test_refresh_token_expires_after_ninety_days_without_use(
    device: Device, sandbox: Sandbox, days: int, error_codes: list[int] | None
) -> None:
    token = device.sign_in()["refresh_token"]
    sandbox.directory.age_sign_ins(ADDRESS, days)
    assert device.refresh(token).get("error_codes") == error_codes


def test_sign_in_can_be_revoked(device: Device, sandbox: Sandbox) -> None:
    token = device.sign_in()["refresh_token"]
    sandbox.directory.revoke_sign_ins(ADDRESS)
    answer = device.refresh(token)
    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [70000])


def test_scope_without_consent_is_refused(device: Device) -> None:
    token = device.sign_in(MAIL)["refresh_token"]
    assert device.refresh(token, SMTP)["error_codes"] == [65001]


def test_account_sends_only_as_itself(device: Device, sandbox: Sandbox, session: requests.Session) -> None:
    token = device.sign_in()["access_token"]
    assert send(sandbox, session, token).status_code == 202
    assert send(sandbox, session, token, f"users/{ADDRESS}").status_code == 202
    assert send(sandbox, session, token, "users/alarms@northpark.example").status_code == 403
    assert [one["mailbox"] for one in sandbox.ledger.messages()] == [ADDRESS, ADDRESS]


def test_app_token_has_no_me(sandbox: Sandbox, session: requests.Session, graph_token: str) -> None:
    assert send(sandbox, session, graph_token).status_code == 400


def test_it_sends_by_smtp(device: Device, submission: smtplib.SMTP) -> None:
    submission.docmd("AUTH", f"XOAUTH2 {xoauth2(ADDRESS, device.sign_in(SMTP)['access_token'])}")
    submission.sendmail(ADDRESS, ["oncall@northpark.example"], mime(From=ADDRESS))


def test_account_submits_only_as_itself(device: Device, sandbox: Sandbox, submission: smtplib.SMTP) -> None:
    other = sandbox.directory.add_account("other@outlook.example").address
    code, _ = submission.docmd("AUTH", f"XOAUTH2 {xoauth2(other, device.sign_in(SMTP)['access_token'])}")
    assert code == 535


def test_graph_token_is_refused_for_submission(device: Device, submission: smtplib.SMTP) -> None:
    code, _ = submission.docmd("AUTH", f"XOAUTH2 {xoauth2(ADDRESS, device.sign_in(MAIL)['access_token'])}")
    assert code == 535


@pytest.mark.parametrize(
    ("personal", "public", "code"),
    [(False, True, 9002332), (True, False, 70002)],
    ids=["audience", "public client"],
)
def test_an_app_must_admit_personal_accounts_and_public_clients(
    sandbox: Sandbox, session: requests.Session, customer: Customer, personal: bool, public: bool, code: int
) -> None:
    app = sandbox.directory.add_app(customer.tenant, "Unfit", personal_accounts=personal, public_client=public)
    assert Device(sandbox, session, app.client_id).begin()["error_codes"] == [code]


@pytest.mark.parametrize(
    "scope", ["https://graph.microsoft.com/.default", "https://outlook.office365.com/full_access_as_app"]
)
def test_app_only_scopes_are_refused(device: Device, scope: str) -> None:
    assert device.begin(scope)["error_codes"] == [70011]


def test_work_tenant_has_no_device_codes(sandbox: Sandbox, session: requests.Session, customer: Customer) -> None:
    form = {"client_id": customer.app.client_id, "scope": MAIL}
    answer = session.post(f"{sandbox.url}/common/oauth2/v2.0/devicecode", data=form, timeout=10)
    assert answer.json()["error_codes"] == [50059]


def test_sign_ins_survive_a_restart(device: Device, sandbox: Sandbox) -> None:
    token = device.sign_in()["refresh_token"]
    assert token not in (sandbox.folder / "directory.json").read_text()
    kept = Directory(sandbox.folder / "directory.json").find_sign_in(token)
    assert kept
    assert kept.address == ADDRESS
