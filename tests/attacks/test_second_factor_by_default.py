"""By default, users who may change something in all tenants must add a second factor within a week."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.models.mfa_policy import MfaPolicy
from alertadmin.accounts.roles import Role
from alertadmin.registry.models import Tenant
from tests.conftest import PASSWORD, set_environment
from tests.factories import Rows
from tests.helpers.mfa import add_app

pytestmark = pytest.mark.control(23)
ADDRESS = "ada@northpark.example"
SECURITY = "/profile/security/"


def entered(role: Role, tenant: Tenant | None = None) -> Client:
    """Who signed in by password, for the first time."""
    user = User.objects.create_user(ADDRESS, PASSWORD)
    Membership.objects.create(user=user, role=role, tenant=tenant)
    client = Client()
    client.post("/sign-in/", {"username": ADDRESS, "password": PASSWORD})
    return client


def pass_grace() -> None:
    User.objects.update(factor_due_at=timezone.now() - timedelta(minutes=1))


def is_led_to_add_one(client: Client) -> bool:
    return client.get("/").headers.get("Location") == SECURITY


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "is_asked"),
    [
        (Role.OWNER, True),
        (Role.ADMINISTRATOR, True),
        (Role.OPERATOR, False),
        (Role.VIEWER, False),
        (Role.AUDITOR, False),
    ],
)
def test_it_is_asked_after_a_week_that_every_page_counts_down(role: Role, is_asked: bool) -> None:
    client = entered(role)
    left = User.objects.get().factor_due_at - timezone.now()  # type: ignore[operator]
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    page = client.get("/").content.decode()
    assert ("You must set up multifactor authentication (MFA) within" in page) == is_asked
    pass_grace()
    assert is_led_to_add_one(client) == is_asked
    add_app(User.objects.get())
    assert not is_led_to_add_one(client)


def test_it_is_not_asked_of_who_administers_one_tenant(rows: Rows) -> None:
    client = entered(Role.ADMINISTRATOR, rows.tenant())
    pass_grace()
    assert not is_led_to_add_one(client)


@pytest.mark.django_db
def test_an_owner_may_relax_it(settings: Settings) -> None:
    client = entered(Role.OWNER)
    pass_grace()
    MfaPolicy.objects.create(second_factor="optional")
    assert not is_led_to_add_one(client)
    assert "is enough to change every tenant" in client.get("/people/signing-in/").content.decode()


@pytest.mark.django_db
def test_a_demonstration_asks_for_none(settings: Settings) -> None:
    client = entered(Role.OWNER)
    pass_grace()
    set_environment(settings, DEMO_PORTS="9443,9587")
    assert not is_led_to_add_one(client)


@pytest.mark.django_db
def test_signing_in_again_begins_no_new_week() -> None:
    client = entered(Role.OWNER)
    pass_grace()
    client = Client()
    client.post("/sign-in/", {"username": ADDRESS, "password": PASSWORD})
    assert is_led_to_add_one(client)
