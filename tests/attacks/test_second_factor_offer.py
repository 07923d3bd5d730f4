"""The first sign-in of a user who may change something in all tenants leads to the page that offers a second factor."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.accounts.models.membership import Membership, make_owner
from alertadmin.accounts.models.mfa_policy import MfaPolicy
from alertadmin.accounts.models.pending_role import PendingRole
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import users
from tests.conftest import NOW, PASSWORD, set_environment
from tests.factories import Rows
from tests.helpers.mfa import add_app

pytestmark = pytest.mark.control(109)
ADDRESS = "ada@northpark.example"
OFFER = "/profile/security/first-factor/"


def person(role: Role, tenant: object = None) -> User:
    user = User.objects.create_user(ADDRESS, PASSWORD)
    Membership.objects.create(user=user, role=role, tenant=tenant)  # type: ignore[misc]
    return user


def led_to(client: Client, to: str = "") -> str:
    data = {"username": ADDRESS, "password": PASSWORD, **({"next": to} if to else {})}
    return client.post("/sign-in/", data).headers["Location"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "is_led"),
    [
        (Role.OWNER, True),
        (Role.ADMINISTRATOR, True),
        (Role.OPERATOR, False),
        (Role.VIEWER, False),
        (Role.AUDITOR, False),
    ],
)
def test_the_first_sign_in_leads_there_and_the_next_does_not(role: Role, is_led: bool) -> None:
    person(role)
    client = Client()
    assert led_to(client, "/secrets/") == (f"{OFFER}?next=/secrets/" if is_led else "/secrets/")
    assert led_to(Client(), "/secrets/") == "/secrets/"


@pytest.mark.django_db
def test_later_is_one_click_and_adding_one_another() -> None:
    person(Role.OWNER)
    client = Client()
    page = client.get(led_to(client, "/secrets/")).content.decode()
    for to in ("/secrets/", reverse("passkey-add"), reverse("authenticator-add")):
        assert f'href="{to}"' in page
    assert "You can postpone this until" in page
    assert client.get("/secrets/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_later_leads_to_no_other_site(to: str) -> None:
    person(Role.OWNER)
    client = Client()
    led_to(client)
    assert "evil" not in client.get(OFFER, {"next": to}).content.decode()
    assert "javascript" not in client.get(OFFER, {"next": to}).content.decode().replace("javascript/", "")


def test_who_administers_one_tenant_is_not_led(rows: Rows) -> None:
    person(Role.ADMINISTRATOR, rows.tenant())
    assert led_to(Client(), "/secrets/") == "/secrets/"


@pytest.mark.django_db
def test_who_has_one_is_not_led() -> None:
    add_app(person(Role.OWNER))
    assert OFFER not in led_to(Client())


@pytest.mark.django_db
def test_the_first_administrator_is_led() -> None:
    token = FirstAdministratorLink.make(NOW)
    data = {"email": ADDRESS, "name": "Ada", "time_zone": "UTC", "password": PASSWORD}
    answer = Client().post(reverse("first-administrator", args=[token]), data)
    assert answer.headers["Location"] == f"{OFFER}?next=/"


@pytest.mark.django_db
def test_who_is_given_such_a_role_later_is_led_when_it_counts() -> None:
    user, owner = User.objects.create_user(ADDRESS, PASSWORD), User.objects.create_user("o@corp.example", None)
    make_owner(owner)
    client = Client()
    assert led_to(client) == "/"
    users.set_role(user, None, Role.ADMINISTRATOR, by=owner)
    link = PendingRole.objects.get().link.partition("/prove-address/")[2]
    assert client.post(f"/prove-address/{link}").headers["Location"] == f"{OFFER}?next=/"


@pytest.mark.django_db
@pytest.mark.parametrize("why", ["a demonstration", "an owner relaxed it"])
def test_where_none_is_asked_no_sign_in_leads_there(settings: Settings, why: str) -> None:
    person(Role.OWNER)
    if why == "a demonstration":
        set_environment(settings, DEMO_PORTS="9443,9587")
    else:
        MfaPolicy.objects.create(second_factor="optional")
    client = Client()
    assert led_to(client, "/secrets/") == "/secrets/"
    assert client.get(OFFER).headers["Location"] == "/"
