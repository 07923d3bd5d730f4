"""22: a user who was removed from the group at the provider loses the role here, with any form of access that
remains: an open session, a passkey, a password, a calendar's address, or mails to administrators."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, RoleSource
from alertadmin.accounts.roles import Right, Role
from alertadmin.registry.models import Tenant
from alertadmin.reminders import recipients
from tests.accounts.oidc.conftest import OWNERS, Entra, entra  # noqa: F401 (a fixture)
from tests.conftest import PASSWORD
from tests.factories import Rows

LIMIT = timedelta(hours=72)


@pytest.fixture
def leaver(entra: Entra, no_factor_asked: None) -> User:  # noqa: F811
    """An owner by a group, with a password of their own, who signed in by the provider longer ago than the limit."""
    entra.sandbox.directory.set_groups(entra.person.object_id, [OWNERS])
    assert entra.sign_in()["Location"] == "/"
    user = User.objects.get()
    user.set_password(PASSWORD)
    user.save()
    _confirmed(timezone.now() - LIMIT - timedelta(minutes=1))
    return user


def _confirmed(at: datetime) -> None:
    Membership.objects.filter(source=RoleSource.GROUP).update(confirmed_at=at)


def _enter(password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/sign-in/", {"username": "grace@northpark.example", "password": password})
    return client


def test_22_an_open_session_loses_the_role_and_is_led_to_the_provider(entra: Entra, leaver: User) -> None:  # noqa: F811
    entra.client.force_login(leaver)
    assert entra.client.get("/tenants/")["Location"] == "/sign-in/"
    page = entra.client.get("/sign-in/").content.decode()
    assert "Your role comes from your groups at Northpark" in page
    assert not entra.is_in


def test_22_no_password_leads_in(leaver: User) -> None:
    assert _enter().get("/profile/").status_code == 302


@pytest.mark.control(90)
def test_22_no_row_no_right_and_no_mail_is_theirs(leaver: User, rows: Rows) -> None:
    rows.tenant()
    access = Access(leaver)
    assert not any(access.in_any_tenant(right) for right in Right)
    assert not access.visible(Tenant).exists()
    assert leaver.email not in recipients.administrators()


@pytest.mark.parametrize(
    ("since", "counts"),
    [
        (timedelta(), True),
        (LIMIT - timedelta(minutes=1), True),
        (LIMIT + timedelta(minutes=1), False),
        (timedelta(days=400), False),
        (-timedelta(minutes=1), True),
        (-timedelta(days=1), False),
    ],
)
def test_22_a_role_counts_within_the_limit_and_never_from_the_future(
    leaver: User, since: timedelta, counts: bool
) -> None:
    _confirmed(timezone.now() - since)
    assert Access(leaver).in_all_tenants(Right.GOVERN) == counts


def test_22_what_a_person_gave_stays(leaver: User, rows: Rows) -> None:
    tenant = rows.tenant()
    Membership.objects.create(user=leaver, tenant=tenant, role=Role.VIEWER)
    assert _enter().get("/profile/").status_code == 200
    access = Access(leaver)
    assert (access.in_all_tenants(), access.in_tenant(tenant.pk, Right.LOOK)) == (False, True)


def test_22_the_provider_s_word_gives_the_role_back(entra: Entra, leaver: User) -> None:  # noqa: F811
    entra.client = Client()
    assert entra.sign_in()["Location"] == "/"
    assert Access(leaver).in_all_tenants(Right.GOVERN)
    assert _enter().get("/tenants/").status_code == 200


def test_22_the_limit_is_three_days() -> None:
    assert settings.ENVIRONMENT.group_roles_last == LIMIT
