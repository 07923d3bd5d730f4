"""Sign-in by Entra: which identities get in, to which account and with which roles, and which are refused."""

from __future__ import annotations

import uuid

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, RoleSource, make_owner
from alertadmin.accounts.oidc import http_session
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.audit import AuditEntry
from mailer.http import outbound_proxy
from mailer.http.outbound_proxy import OutboundProxy
from tests.accounts.oidc.conftest import CUSTOMER, OPERATORS, OWNERS, VIEWERS, Entra
from tests.factories import Rows
from tests.helpers.connect_proxy import ConnectProxy
from tests.helpers.mfa import add_app
from tests.helpers.proxy_answers import ANSWERS, answering


def give(entra: Entra, *groups: str) -> None:
    entra.sandbox.directory.set_groups(entra.person.object_id, groups)


def roles_of(user: User) -> set[tuple[str, str, str]]:
    rows = Membership.objects.filter(user=user).select_related("tenant")
    return {(one.role, one.tenant.directory_id if one.tenant else "", one.source) for one in rows}


def refusals() -> list[str]:
    entries = AuditEntry.objects.filter(act=audit.AuditAction.SESSION_SIGNED_IN, result=audit.Result.REFUSED)
    return [one.details["reason"] for one in entries.order_by("number")]


def test_a_group_lets_somebody_in_with_its_role(entra: Entra) -> None:
    give(entra, OPERATORS, str(uuid.uuid4()))
    assert entra.sign_in()["Location"] == "/"
    user = User.objects.get(email="grace@northpark.example")
    assert (user.name, user.has_usable_password(), entra.is_in) == ("Grace Hopper", False, True)
    assert roles_of(user) == {("operator", "", RoleSource.GROUP)}
    made = AuditEntry.objects.get(act=audit.AuditAction.PERSON_CREATED)
    assert (made.who, made.details["method"]) == ("grace@northpark.example", "northpark")


def test_a_group_gives_a_role_in_one_tenant(entra: Entra, rows: Rows) -> None:
    tenant = rows.tenant(directory_id=CUSTOMER)
    tenant.domain = "northpark.example"
    tenant.save()
    give(entra, VIEWERS)
    entra.sign_in()
    assert roles_of(User.objects.get()) == {("viewer", CUSTOMER, RoleSource.GROUP)}


def test_a_group_of_a_tenant_that_is_not_here_lets_nobody_in(entra: Entra) -> None:
    give(entra, VIEWERS)
    entra.sign_in()
    assert (entra.is_in, User.objects.count(), refusals()) == (False, 0, ["no role"])


def test_app_roles_count_as_groups_do(entra: Entra) -> None:
    entra.sandbox.directory.set_app_roles(entra.person.object_id, entra.app, ["app-operators"])
    entra.sign_in()
    assert roles_of(User.objects.get()) == {("operator", "", RoleSource.GROUP)}


def test_whoever_has_no_role_is_told_whom_to_ask_and_is_nobody_here(entra: Entra) -> None:
    assert entra.sign_in()["Location"] == "/sign-in/"
    assert "Northpark knows you, but you have no role here." in entra.told()
    assert (User.objects.count(), SocialAccount.objects.count()) == (0, 0)


def test_groups_are_taken_up_at_each_sign_in_and_what_a_person_gave_stays(entra: Entra, rows: Rows) -> None:
    tenant = rows.tenant(directory_id=CUSTOMER)
    give(entra, OPERATORS, VIEWERS)
    entra.sign_in()
    user = User.objects.get()
    Membership.objects.create(user=user, tenant=tenant, role=Role.ADMINISTRATOR)
    give(entra)
    entra.sign_in()
    assert roles_of(user) == {("administrator", CUSTOMER, RoleSource.HAND)}
    assert entra.is_in
    changes = AuditEntry.objects.filter(act=audit.AuditAction.PERSON_ROLE_CHANGED).order_by("number")
    assert sorted(one.details["role"] for one in changes)[-2:] == [["operator", ""], ["viewer", ""]]


def test_whose_last_group_goes_stays_outside(entra: Entra) -> None:
    give(entra, OPERATORS)
    entra.sign_in()
    entra.client = Client()
    give(entra)
    entra.sign_in()
    assert (entra.is_in, Membership.objects.count(), refusals()) == (False, 0, ["no role"])


def test_the_last_owner_keeps_the_role_but_does_not_come_in_once_the_group_is_gone(entra: Entra) -> None:
    give(entra, OWNERS)
    entra.sign_in()
    entra.client = Client()
    give(entra)
    entra.sign_in()
    assert (entra.is_in, refusals()) == (False, ["last owner"])
    assert roles_of(User.objects.get()) == {("owner", "", RoleSource.GROUP)}


def test_too_many_groups_are_explained_with_what_to_do(entra: Entra) -> None:
    give(entra, OPERATORS, *(str(uuid.uuid4()) for _ in range(200)))
    entra.sign_in()
    assert not entra.is_in
    assert "Groups assigned to the application" in entra.told()
    entra.app.group_claims, entra.app.assigned_groups = "ApplicationGroup", [OPERATORS]
    entra.sign_in()
    assert entra.is_in


@pytest.mark.parametrize("has_group", [True, False])
def test_nobody_takes_an_account_over_by_its_address(entra: Entra, administrator: User, has_group: bool) -> None:
    entra.person.mail = "Ada@Northpark.example"
    give(entra, *([OPERATORS] if has_group else []))
    entra.sign_in()
    assert (entra.is_in, SocialAccount.objects.count(), User.objects.count()) == (False, 0, 1)
    assert refusals() == ["address is taken" if has_group else "no role"]


def test_an_account_is_connected_by_whoever_is_signed_in_to_it(entra: Entra, administrator: User) -> None:
    make_owner(administrator)
    entra.client.force_login(administrator)
    asked = entra.client.post("/profile/security/with/northpark/")
    assert asked.status_code == 403, "it was not shown a moment ago who it is"
    confirmed = entra.client.post(
        "/profile/security/with/northpark/", {"confirm-password": "correct horse battery staple"}
    )
    entra.come_back(entra.decide(_address(confirmed.content.decode())))
    assert SocialAccount.objects.get().user == administrator
    entra.client = Client()
    entra.sign_in()
    assert entra.client.get("/profile/").context["user"] == administrator
    link = SocialAccount.objects.get()
    entra.client.post(f"/profile/security/with/{link.pk}/remove/")
    assert SocialAccount.objects.count() == 0


def test_the_only_way_in_is_not_disconnected(entra: Entra) -> None:
    give(entra, OPERATORS)
    entra.sign_in()
    page = entra.client.post(f"/profile/security/with/{SocialAccount.objects.get().pk}/remove/", follow=True)
    assert "You have no other sign-in method." in page.content.decode()
    assert SocialAccount.objects.count() == 1


def test_a_new_app_registration_knows_the_same_people(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    give(entra, OPERATORS)
    entra.sign_in()
    directory = entra.sandbox.directory
    entra.app = directory.add_app(entra.tenant, "Renewed", redirect_uris=entra.app.redirect_uris)
    entra.app.group_claims = "SecurityGroup"
    monkeypatch.setenv("OIDC_SECRET", directory.add_secret(entra.app).value or "")
    entra.write(label="Northpark again")
    entra.sign_in()
    assert (User.objects.count(), SocialAccount.objects.count()) == (1, 1)


def test_who_cancels_is_told_so(entra: Entra) -> None:
    entra.come_back(entra.decide(entra.begin(), "cancel"))
    assert "The sign-in at Northpark was cancelled." in entra.told()


@pytest.mark.control(39)
def test_a_sign_in_goes_on_once_and_where_it_was_begun(entra: Entra) -> None:
    give(entra, OPERATORS)
    location = entra.decide(entra.begin())
    other = entra.client
    entra.client = Client()
    page = entra.client.get(entra.come_back(location)["Location"]).content.decode()
    assert "This sign-in was started in another browser or more than" in page
    entra.client = other
    entra.come_back(location)
    assert entra.is_in
    entra.client = Client(SERVER_NAME="testserver")
    entra.come_back(location)
    assert (entra.is_in, refusals()) == (False, ["state", "state"])


@pytest.mark.control(39)
def test_the_state_is_random_and_unlike_any_other(entra: Entra) -> None:
    states = {entra.begin().split("state=")[1].partition("&")[0] for _ in range(3)}
    assert len(states) == 3
    assert all(len(one) >= 43 for one in states), "256 bits in base64"


@pytest.mark.control(41)
@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "\\\\evil.example", "javascript:alert(1)"])
def test_nobody_is_led_elsewhere_after_signing_in(entra: Entra, to: str) -> None:
    give(entra, OPERATORS)
    assert entra.sign_in(next=to)["Location"] == "/"


def test_a_page_that_was_asked_for_is_come_back_to(entra: Entra) -> None:
    give(entra, OPERATORS)
    assert entra.sign_in(next="/tenants/")["Location"] == "/tenants/"


@pytest.mark.control(38)
def test_the_way_back_is_the_configured_one_whatever_host_was_asked(entra: Entra) -> None:
    entra.client = Client(SERVER_NAME="127.0.0.1")
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A8000%2Fsign-in%2Fwith%2Fnorthpark%2Fback%2F" in entra.begin()


def test_pkce_and_a_nonce_are_asked_with(entra: Entra) -> None:
    address = entra.begin()
    assert "code_challenge_method=S256" in address
    assert "nonce=" in address


def test_somebody_who_was_switched_off_stays_outside(entra: Entra) -> None:
    give(entra, OPERATORS)
    entra.sign_in()
    User.objects.update(is_active=False)
    entra.client = Client()
    entra.sign_in()
    assert not entra.is_in


@pytest.mark.parametrize("asks", [True, False])
def test_a_second_factor_here_is_asked_for_unless_the_provider_asks_for_one(entra: Entra, asks: bool) -> None:
    entra.write(second_factor=asks)
    entra.person.methods = ["pwd", "mfa"]
    give(entra, OPERATORS)
    entra.sign_in()
    add_app(User.objects.get())
    entra.client = Client()
    response = entra.sign_in()
    assert response["Location"] == ("/" if asks else "/sign-in/second-step/")
    assert entra.is_in == asks


@pytest.mark.control(1)
def test_no_token_and_no_secret_stays_in_the_database(entra: Entra) -> None:
    give(entra, OPERATORS)
    entra.sign_in()
    kept = SocialAccount.objects.get().extra_data
    assert set(kept) == {"iss", "sub", "oid", "tid", "preferred_username"}
    assert all("eyJ" not in str(one.get_decoded()) for one in Session.objects.all())


def test_an_unknown_provider_is_not_there(entra: Entra) -> None:
    assert entra.client.post("/sign-in/with/elsewhere/").status_code == 404
    assert entra.client.get("/sign-in/with/elsewhere/back/", {"code": "x"}).status_code == 404


def test_an_invitation_is_accepted_by_signing_in(entra: Entra, rows: Rows) -> None:
    invitation = invitations.invite("hopper@elsewhere.example", {None: Role.VIEWER}, by=None, now=timezone.now())
    token = invitation.link.rstrip("/").rpartition("/")[2]
    assert "Sign in with Northpark" in entra.client.get(f"/invitation/{token}/").content.decode()
    entra.sign_in(invitation=token)
    user = User.objects.get(email="hopper@elsewhere.example")
    assert (roles_of(user), entra.is_in) == ({("viewer", "", RoleSource.HAND)}, True)
    entra.client = Client()
    entra.sign_in()
    assert (entra.is_in, User.objects.count()) == (True, 1)


def _address(page: str) -> str:
    from html import unescape

    return unescape(page.split('content="0; url=')[1].partition('"')[0])


def test_a_provider_is_asked_through_the_outbound_proxy(entra: Entra) -> None:
    give(entra, OPERATORS)
    with ConnectProxy() as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        entra.sign_in()
        assert entra.is_in
        assert proxy.asked


def test_a_refusal_of_the_outbound_proxy_is_not_the_providers(entra: Entra) -> None:
    with ConnectProxy(answer=b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        entra.client.post("/sign-in/with/northpark/")
        assert "The outbound proxy of this installation did not let the connection to Northpark through" in entra.told()


@pytest.mark.parametrize("leg", ["discovery", "token"])
@pytest.mark.parametrize("answer", [answer for answer, _said in ANSWERS.values()], ids=ANSWERS)
def test_each_refusal_of_the_outbound_proxy_is_its_own(
    entra: Entra, monkeypatch: pytest.MonkeyPatch, answer: bytes, leg: str
) -> None:
    give(entra, OPERATORS)
    with answering(answer) as proxy:
        monkeypatch.setattr(http_session, "SECONDS", 0.4 if proxy.silent else 10)
        if leg == "token":
            back = entra.decide(entra.begin())
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        if leg == "token":
            entra.come_back(back)
        else:
            entra.client.post("/sign-in/with/northpark/")
        assert proxy.asked
    outbound_proxy.use(None)
    assert "The outbound proxy of this installation did not let the connection to Northpark through" in entra.told()
    assert not entra.is_in


def test_a_provider_of_no_proxy_is_asked_directly(entra: Entra) -> None:
    give(entra, OPERATORS)
    with ConnectProxy() as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url(), "localhost"))
        entra.sign_in()
        assert entra.is_in
        assert proxy.asked == []
