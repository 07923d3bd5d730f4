"""Sign-in with work accounts by authorization code, with msal and with plain requests."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import msal
import pytest
import requests

from sandbox import Sandbox
from sandbox.state.models import SandboxApp, SandboxPerson
from tests.sandbox.conftest import Customer

BACK = "https://alertadmin.example/sign-in/back/"
GROUP = "5c1a2b3c-0000-4000-8000-000000000001"


@dataclass
class Site:
    """A web application, and the browser of a visitor."""

    sandbox: Sandbox
    session: requests.Session
    app: SandboxApp
    secret: str
    person: SandboxPerson
    tenant: str

    @property
    def msal(self) -> Any:
        return msal.ConfidentialClientApplication(
            self.app.client_id,
            client_credential=self.secret,
            authority=f"{self.sandbox.url}/{self.tenant}",
            instance_discovery=False,
            http_client=self.session,
        )

    def begin(self, **extra: Any) -> dict[str, Any]:
        flow: dict[str, Any] = self.msal.initiate_auth_code_flow(["User.Read"], redirect_uri=BACK, **extra)
        return flow

    def decide(self, flow: dict[str, Any], decision: str = "accept", account: str | None = None) -> dict[str, str]:
        form = {"account": account or self.person.object_id, "decision": decision}
        return came_back(self.session.post(flow["auth_uri"], data=form, allow_redirects=False, timeout=10))

    def redeem(self, flow: dict[str, Any], answer: dict[str, str]) -> dict[str, Any]:
        result: dict[str, Any] = self.msal.acquire_token_by_auth_code_flow(flow, answer)
        return result

    def sign_in(self, **extra: Any) -> dict[str, Any]:
        flow = self.begin(**extra)
        return self.redeem(flow, self.decide(flow))

    def claims(self) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(self.sign_in()["id_token"], options={"verify_signature": False})
        return claims


def came_back(response: requests.Response) -> dict[str, str]:
    assert response.status_code == 302, response.text
    location = urlsplit(response.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == BACK
    return {name: values[0] for name, values in parse_qs(location.query).items()}


@pytest.fixture
def site(sandbox: Sandbox, session: requests.Session, customer: Customer) -> Site:
    app = sandbox.directory.add_app(customer.tenant, "alertadmin", redirect_uris=[BACK], group_claims="SecurityGroup")
    secret = sandbox.directory.add_secret(app).value or ""
    person = sandbox.directory.add_person(
        customer.tenant, "ada@northpark.example", "Ada Byron", "ada@northpark.example", [GROUP]
    )
    return Site(sandbox, session, app, secret, person, customer.tenant.directory_id)


def test_msal_accepts_the_id_token(site: Site) -> None:
    claims = site.sign_in()["id_token_claims"]
    assert (claims["preferred_username"], claims["name"]) == ("ada@northpark.example", "Ada Byron")


def test_the_id_token_has_entras_claims_and_its_key_is_published(site: Site, session: requests.Session) -> None:
    metadata = session.get(f"{site.sandbox.url}/{site.tenant}/v2.0/.well-known/openid-configuration").json()
    token = site.sign_in()["id_token"]
    header = jwt.get_unverified_header(token)
    keys = jwt.PyJWKSet.from_dict(session.get(metadata["jwks_uri"]).json())
    claims = jwt.decode(token, keys[header["kid"]], algorithms=["RS256"], audience=site.app.client_id)
    assert (header["typ"], header["alg"]) == ("JWT", "RS256")
    always = {"aud", "iss", "iat", "nbf", "exp", "name", "nonce", "oid", "preferred_username", "rh", "sub", "tid"}
    assert set(claims) == {*always, "uti", "ver", "groups"}
    assert (claims["iss"], claims["tid"]) == (metadata["issuer"], site.tenant)
    assert metadata["issuer"] == f"{site.sandbox.url}/{site.tenant}/v2.0"
    assert (claims["ver"], claims["oid"], claims["groups"]) == ("2.0", site.person.object_id, [GROUP])


def test_the_subject_is_another_to_each_application_and_the_same_each_time(site: Site) -> None:
    first, again = site.claims()["sub"], site.claims()["sub"]
    other = site.sandbox.directory.add_app(site.tenant, "Other", redirect_uris=[BACK])
    site.app, site.secret = other, site.sandbox.directory.add_secret(other).value or ""
    assert first == again
    assert site.claims()["sub"] != first


def test_more_than_200_groups_are_replaced_by_a_claim_source(site: Site) -> None:
    groups = [str(uuid.uuid4()) for _ in range(200)]
    site.sandbox.directory.set_groups(site.person.object_id, groups)
    assert site.claims()["groups"] == groups
    site.sandbox.directory.set_groups(site.person.object_id, [*groups, GROUP])
    claims = site.claims()
    assert "groups" not in claims
    assert claims["_claim_names"] == {"groups": "src1"}
    assert claims["_claim_sources"]["src1"]["endpoint"].endswith(f"/users/{site.person.object_id}/getMemberObjects")


def test_groups_assigned_to_the_application_alone_are_never_too_many(site: Site) -> None:
    site.sandbox.directory.set_groups(site.person.object_id, [GROUP, *(str(uuid.uuid4()) for _ in range(300))])
    site.app.group_claims, site.app.assigned_groups = "ApplicationGroup", [GROUP]
    assert site.claims()["groups"] == [GROUP]


def test_without_group_claims_in_the_manifest_there_are_none(site: Site) -> None:
    site.app.group_claims = None
    assert not {"groups", "_claim_names"} & set(site.claims())


def test_app_roles_are_claims(site: Site) -> None:
    site.sandbox.directory.set_app_roles(site.person.object_id, site.app, ["operator"])
    assert site.claims()["roles"] == ["operator"]


def test_cancelling_redirects_with_error_and_state(site: Site) -> None:
    flow = site.begin()
    answer = site.decide(flow, "cancel")
    assert (answer["error"], answer["error_subcode"], answer["state"]) == ("access_denied", "cancel", flow["state"])
    assert answer["error_description"].startswith("AADSTS65004: User declined to consent to access the app.")


def test_code_is_valid_once(site: Site) -> None:
    flow = site.begin()
    answer = site.decide(flow)
    assert "id_token" in site.redeem(dict(flow), answer)
    again = site.redeem(dict(flow), answer)
    assert (again["error"], again["error_codes"]) == ("invalid_grant", [54005])


def test_code_expires(site: Site) -> None:
    flow = site.begin()
    answer = site.decide(flow)
    site.sandbox.authorization.expire_codes()
    assert site.redeem(flow, answer)["error_codes"] == [70008]


def test_code_without_its_verifier_is_refused(site: Site) -> None:
    flow = site.begin()
    answer = site.decide(flow)
    for verifier in ("", "x" * 43):
        stolen = {**flow, "code_verifier": verifier}
        assert site.redeem(stolen, answer)["error_codes"] == [501481]


def redeem_bare(site: Site, changes: dict[str, str], *, basic: bool = False) -> requests.Response:
    """Redeem a code without PKCE by a plain request."""
    query = {"client_id": site.app.client_id, "response_type": "code", "redirect_uri": BACK, "scope": "openid email"}
    page = requests.Request("GET", f"{site.sandbox.url}/{site.tenant}/oauth2/v2.0/authorize", params=query).prepare()
    code = site.decide({"auth_uri": page.url})["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    login = {"client_id": site.app.client_id, "client_secret": site.secret}
    url = f"{site.sandbox.url}/{site.tenant}/oauth2/v2.0/token"
    auth = (site.app.client_id, site.secret.replace("~", "%7E")) if basic else None
    return site.session.post(url, data={**form, **({} if basic else login), **changes}, auth=auth, timeout=10)


@pytest.mark.parametrize("basic", [True, False])
def test_the_secret_comes_in_the_body_or_by_basic_authentication(site: Site, basic: bool) -> None:
    answer = redeem_bare(site, {}, basic=basic).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert claims["email"] == "ada@northpark.example"
    assert not {"name", "oid", "preferred_username"} & set(claims), "they come with the scope profile"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_secret": ""}, 401, 7000218),
        ({"code": ""}, 400, 900144),
        ({"code": "1.nonsense"}, 400, 9002313),
        ({"redirect_uri": "https://elsewhere.example/"}, 400, 500112),
        ({"code_verifier": "never asked for"}, 400, 501481),
    ],
)
def test_bad_redemption_is_refused_with_entras_error(
    site: Site, changes: dict[str, str], status: int, code: int
) -> None:
    answer = redeem_bare(site, changes)
    assert (answer.status_code, answer.json()["error_codes"]) == (status, [code])
    assert answer.json()["error_description"].startswith(f"AADSTS{code}: ")


def test_the_bearer_may_ask_graph_who_signed_in(site: Site, session: requests.Session) -> None:
    url = f"{site.sandbox.url}/graph/oidc/userinfo"
    token = redeem_bare(site, {}).json()["access_token"]
    told = session.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
    assert (told["name"], told["email"]) == ("Ada Byron", "ada@northpark.example")
    assert session.get(url, headers={"Authorization": "Bearer x"}, timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "33333333-2222-3333-4444-555555555555"}, "AADSTS700016"),
        ({"redirect_uri": "https://elsewhere.example/"}, "AADSTS50011"),
        ({"redirect_uri": ""}, "AADSTS900144"),
    ],
)
def test_error_about_the_application_is_shown_on_a_page(
    site: Site, session: requests.Session, changes: dict[str, str], code: str
) -> None:
    query = {"client_id": site.app.client_id, "response_type": "code", "redirect_uri": BACK, "scope": "openid"}
    url = f"{site.sandbox.url}/{site.tenant}/oauth2/v2.0/authorize"
    answer = session.get(url, params={**query, **changes}, allow_redirects=False, timeout=10)
    assert answer.status_code == 400
    assert code in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
        ({"code_challenge": "x", "code_challenge_method": "S512"}, "invalid_request"),
        ({"scope": ""}, "invalid_request"),
    ],
)
def test_other_errors_are_returned_to_the_application(
    site: Site, session: requests.Session, changes: dict[str, str], error: str
) -> None:
    query = {"client_id": site.app.client_id, "response_type": "code", "redirect_uri": BACK, "scope": "openid"}
    url = f"{site.sandbox.url}/{site.tenant}/oauth2/v2.0/authorize"
    answer = session.get(url, params={**query, "state": "s", **changes}, allow_redirects=False, timeout=10)
    assert (came_back(answer)["error"], came_back(answer)["state"]) == (error, "s")


def test_people_of_the_tenant_are_offered_and_no_others(site: Site, session: requests.Session) -> None:
    other = site.sandbox.directory.add_tenant("Harbour Logistics", "harbour.example")
    stranger = site.sandbox.directory.add_person(other, "eve@harbour.example", "Eve")
    flow = site.begin()
    shown = session.get(flow["auth_uri"], timeout=10).text
    assert "ada@northpark.example" in shown
    assert "eve@harbour.example" not in shown
    form = {"account": stranger.object_id, "decision": "accept"}
    assert session.post(flow["auth_uri"], data=form, allow_redirects=False, timeout=10).status_code == 422


def test_disabled_person_cannot_sign_in(site: Site, session: requests.Session) -> None:
    site.sandbox.directory.disable_person(site.person.object_id)
    form = {"account": site.person.object_id, "decision": "accept"}
    answer = session.post(site.begin()["auth_uri"], data=form, allow_redirects=False, timeout=10)
    assert "AADSTS50057" in answer.text


def test_at_a_shared_endpoint_the_token_names_the_persons_own_tenant(site: Site) -> None:
    other = site.sandbox.directory.add_tenant("Harbour Logistics", "harbour.example")
    site.person = site.sandbox.directory.add_person(other, "eve@harbour.example", "Eve")
    assert "AADSTS50194" in site.session.get(authorize(site, "organizations"), timeout=10).text
    site.app.multi_tenant = True
    code = site.decide({"auth_uri": authorize(site, "organizations")})["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    login = {"client_id": site.app.client_id, "client_secret": site.secret}
    url = f"{site.sandbox.url}/organizations/oauth2/v2.0/token"
    answer = site.session.post(url, data={**form, **login}, timeout=10).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert claims["tid"] == other.directory_id
    assert claims["iss"] == f"{site.sandbox.url}/{other.directory_id}/v2.0"


def authorize(site: Site, tenant: str) -> str:
    query = {"client_id": site.app.client_id, "response_type": "code", "redirect_uri": BACK, "scope": "openid"}
    url = f"{site.sandbox.url}/{tenant}/oauth2/v2.0/authorize"
    return requests.Request("GET", url, params=query).prepare().url or ""


def test_people_survive_a_restart(site: Site) -> None:
    from sandbox.state.directory import Directory

    again = Directory(site.sandbox.folder / "directory.json")
    assert again.people() == [site.person]


def test_neither_codes_nor_secrets_are_in_the_ledger(site: Site) -> None:
    flow = site.begin()
    answer = site.decide(flow)
    site.redeem(flow, answer)
    written = (site.sandbox.folder / "ledger.jsonl").read_text()
    assert "token" in written
    assert answer["code"] not in written
    assert site.secret not in written
