"""Metadata and tokens, with msal and with plain requests."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import jwt
import msal
import pytest
import requests

from sandbox import Sandbox
from tests.sandbox.conftest import EXCHANGE_SCOPE, Ask, Customer


def test_a_good_secret_gets_a_token_that_names_the_consented_role(ask: Ask, customer: Customer) -> None:
    answer = ask()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert answer["token_type"] == "Bearer"
    assert claims["aud"] == "https://graph.microsoft.com"
    assert claims["roles"] == ["Mail.Send"]
    assert (claims["tid"], claims["appid"]) == (customer.tenant.directory_id, customer.app.client_id)


def test_a_token_for_exchange_names_exchange_roles_alone(ask: Ask) -> None:
    claims = jwt.decode(ask(EXCHANGE_SCOPE)["access_token"], options={"verify_signature": False})
    assert claims["aud"] == "https://outlook.office365.com"
    assert claims["roles"] == ["SMTP.SendAsApp", "full_access_as_app"]


def test_the_published_keys_verify_the_token(
    sandbox: Sandbox, session: requests.Session, graph_token: str, customer: Customer
) -> None:
    metadata = session.get(f"{sandbox.url}/{customer.tenant.domain}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(session.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(graph_token)["kid"]]
    assert jwt.decode(graph_token, key, algorithms=["RS256"], audience="https://graph.microsoft.com")
    assert metadata["issuer"] == f"{sandbox.url}/{customer.tenant.directory_id}/v2.0"


def test_a_token_without_any_consent_has_no_roles(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.revoke(customer.app, "Mail.Send")
    assert "roles" not in jwt.decode(ask()["access_token"], options={"verify_signature": False})


def test_a_permission_scoped_by_exchange_is_not_in_the_token(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.scope(customer.app, "Mail.Send", [customer.mailbox.address])
    assert "roles" not in jwt.decode(ask()["access_token"], options={"verify_signature": False})


@pytest.mark.parametrize(
    ("scope", "code", "error"),
    [
        ("https://graph.microsoft.com/Mail.Send", 1002012, "invalid_scope"),
        ("https://outlook.office365.us/.default", 500011, "invalid_resource"),
    ],
)
def test_a_wrong_scope_is_refused(ask: Ask, scope: str, code: int, error: str) -> None:
    answer = ask(scope)
    assert (answer["error_codes"], answer["error"]) == ([code], error)


def test_refusal_has_entras_format(ask: Ask, session: requests.Session, customer: Customer) -> None:
    answer = ask(credential=str(uuid.uuid4()))
    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]
    assert answer["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")
    assert customer.app.client_id in answer["error_description"]
    for part in (f"Trace ID: {answer['trace_id']}", f"Correlation ID: {answer['correlation_id']}"):
        assert part in answer["error_description"]
    assert answer["error_description"].endswith(f"Timestamp: {answer['timestamp']}")
    assert "Invalid client secret provided." in session.get(answer["error_uri"], timeout=10).text


def test_expired_secret_has_its_own_error(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.expire_secret(customer.app, customer.secret)
    assert ask()["error_codes"] == [7000222]


def test_secret_with_a_future_start_is_refused(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    early = sandbox.directory.add_secret(customer.app, starts_at=tomorrow, expires_at=tomorrow + timedelta(days=1))
    assert ask(credential=early.value)["error_codes"] == [7000215]


def test_a_removed_secret_is_wrong(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.remove_secret(customer.app, customer.secret)
    assert ask()["error_codes"] == [7000215]


def test_each_of_two_secrets_is_accepted(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    second = sandbox.directory.add_secret(customer.app, value="second~secret.of-40-characters_0123456789")
    assert "access_token" in ask(credential=second.value)
    assert "access_token" in ask()


def test_an_unknown_app_is_not_found_in_the_directory(ask: Ask) -> None:
    answer = ask(client_id=str(uuid.uuid4()))
    assert (answer["error_codes"], answer["error"]) == ([700016], "unauthorized_client")


def test_a_multi_tenant_app_must_be_installed_where_it_is_used(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    other = sandbox.directory.add_tenant("Harbour Logistics", "harbour.example")
    app = sandbox.directory.add_app(customer.tenant, "Many", multi_tenant=True)
    secret = sandbox.directory.add_secret(app)
    named = {"tenant": other.directory_id, "client_id": app.client_id, "credential": secret.value}
    assert ask(**named)["error_codes"] == [7000229]
    sandbox.directory.grant(app, "Mail.Send", other)
    claims = jwt.decode(ask(**named)["access_token"], options={"verify_signature": False})
    assert (claims["tid"], claims["roles"]) == (other.directory_id, ["Mail.Send"])


def test_a_disabled_app_is_refused(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.disable_app(customer.app)
    assert ask()["error_codes"] == [7000112]


def test_a_removed_app_is_not_found(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    sandbox.directory.remove_app(customer.app)
    assert ask()["error_codes"] == [700016]


def test_msal_fails_on_discovery_of_an_unknown_tenant(ask: Ask) -> None:
    with pytest.raises(ValueError, match="authority configuration"):
        ask(tenant=str(uuid.uuid4()))


def post(sandbox: Sandbox, session: requests.Session, tenant: str, **form: str) -> requests.Response:
    return session.post(f"{sandbox.url}/{tenant}/oauth2/v2.0/token", data=form, timeout=10)


def good(customer: Customer, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": customer.app.client_id,
        "client_secret": customer.secret.value or "",
        "scope": EXCHANGE_SCOPE,
        **changes,
    }


@pytest.mark.parametrize(
    ("tenant", "code"),
    [
        ("11111111-2222-3333-4444-555555555555", 90002),
        ("gone.example", 90002),
        ("nonsense", 900023),
        ("common", 50194),
        ("organizations", 50194),
        ("consumers", 9002332),
    ],
)
def test_the_tenant_must_be_named_and_known(
    sandbox: Sandbox, session: requests.Session, customer: Customer, tenant: str, code: int
) -> None:
    answer = post(sandbox, session, tenant, **good(customer))
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [code])


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"grant_type": "password"}, 400, 70003),
        ({"client_id": ""}, 400, 900144),
        ({"scope": ""}, 400, 900144),
        ({"scope": f"{EXCHANGE_SCOPE} https://graph.microsoft.com/.default"}, 400, 28000),
        ({"client_secret": ""}, 401, 7000216),
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_secret": "", "client_assertion": "no.jwt.here"}, 400, 50027),
    ],
)
def test_a_bad_request_gets_its_status_and_code(
    sandbox: Sandbox, session: requests.Session, customer: Customer, changes: dict[str, str], status: int, code: int
) -> None:
    answer = post(sandbox, session, customer.tenant.directory_id, **good(customer, **changes))
    assert (answer.status_code, answer.json()["error_codes"]) == (status, [code])


def test_the_secret_may_come_by_basic_authentication_with_the_tenant_as_a_domain(
    sandbox: Sandbox, session: requests.Session, customer: Customer
) -> None:
    form = {"grant_type": "client_credentials", "scope": EXCHANGE_SCOPE}
    url = f"{sandbox.url}/{customer.tenant.domain}/oauth2/v2.0/token"
    login = (customer.app.client_id, quote(customer.secret.value or "", safe=""))
    assert session.post(url, data=form, auth=login, timeout=10).json()["expires_in"] == 3599


def test_the_clients_request_id_is_answered(sandbox: Sandbox, session: requests.Session, customer: Customer) -> None:
    mine = str(uuid.uuid4())
    url = f"{sandbox.url}/{customer.tenant.directory_id}/oauth2/v2.0/token"
    headers = {"client-request-id": mine}
    answer = session.post(url, data=good(customer, client_secret="x"), headers=headers, timeout=10)
    assert answer.headers["client-request-id"] == mine
    assert answer.json()["correlation_id"] == mine


def test_msal_works_with_instance_discovery(sandbox: Sandbox, session: requests.Session, customer: Customer) -> None:
    answer: dict[str, Any] = msal.ConfidentialClientApplication(
        customer.app.client_id,
        client_credential=customer.secret.value,
        oidc_authority=f"{sandbox.url}/{customer.tenant.directory_id}/v2.0",
        http_client=session,
    ).acquire_token_for_client([EXCHANGE_SCOPE])
    assert "access_token" in answer


def test_token_requests_are_in_the_ledger_without_the_secret(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    ask()
    ask(credential="wrong-secret-value")
    entries = [one for one in sandbox.ledger.entries() if one["service"] == "token"]
    assert [(one["accepted"], one["error_code"]) for one in entries] == [(True, None), (False, 7000215)]
    written = (sandbox.folder / "ledger.jsonl").read_text() + (sandbox.folder / "directory.json").read_text()
    assert customer.secret.value is not None
    assert customer.secret.value not in written
    assert "wrong-secret-value" not in written
    assert customer.secret.value not in repr(customer.secret)


def test_conditional_access_can_be_scripted(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="token", code=53003)
    assert ask()["error_codes"] == [53003]


@pytest.mark.parametrize(("status", "code"), [(503, 90033), (429, 90055)])
def test_outages_can_be_scripted(
    sandbox: Sandbox, session: requests.Session, customer: Customer, status: int, code: int
) -> None:
    sandbox.faults.add(service="token", status=status, headers={"Retry-After": "3"})
    answer = post(sandbox, session, customer.tenant.directory_id, **good(customer))
    assert (answer.status_code, answer.json()["error_codes"]) == (status, [code])
    assert answer.headers["Retry-After"] == "3"
