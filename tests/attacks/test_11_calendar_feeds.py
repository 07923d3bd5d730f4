"""11: a calendar's address gives access without a password. A session left open cannot create one, and an address is
revoked with its owner's access and by a password reset."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts import password_reset
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, RoleSource, make_owner
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import users
from alertadmin.registry.models import Tenant
from alertadmin.reminders.models import CalendarFeed
from tests.factories import Rows
from tests.helpers.login import signed_in_at

NEW = "another horse battery staple"
HOUR_AGO = 3600


@pytest.fixture
def tenant(rows: Rows) -> Tenant:
    return rows.tenant("Northpark")


@pytest.fixture
def grace(tenant: Tenant) -> User:
    """A viewer everywhere, and of one tenant."""
    user = User.objects.create_user("grace@northpark.example", "correct horse battery staple")
    Membership.objects.create(user=user, role=Role.VIEWER)
    Membership.objects.create(user=user, tenant=tenant, role=Role.VIEWER)
    return user


@pytest.fixture
def owner(db: None) -> User:
    user = User.objects.create_user("owner@corp.example", None)
    make_owner(user)
    return user


def feed(user: User, tenant: Tenant | None = None) -> str:
    """The path of a new address of theirs."""
    made = CalendarFeed(owner=user, tenant=tenant, created_at=timezone.now())
    token = made.give_token(timezone.now())
    made.save()
    return reverse("calendar-feed", args=[token])


def answers(*paths: str) -> list[bool]:
    return [Client().get(path).status_code == 200 for path in paths]


@pytest.mark.control(93)
def test_11_a_stale_session_makes_and_renews_no_address(grace: User) -> None:
    old = feed(grace)
    stale = signed_in_at(Client(), grace, at=time.time() - HOUR_AGO)
    assert stale.post(reverse("calendars"), {}).status_code == 403
    assert stale.post(reverse("calendar-renew", args=[CalendarFeed.objects.get().pk])).status_code == 403
    assert (CalendarFeed.objects.count(), answers(old)) == (1, [True])
    assert signed_in_at(Client(), grace).post(reverse("calendars"), {}).status_code == 200


def test_11_a_reset_password_ends_every_address(grace: User, tenant: Tenant) -> None:
    paths = (feed(grace), feed(grace, tenant))
    link = re.sub(r"^.*(?=/new-password/)", "", password_reset.link(grace))
    page = Client().post(link, {"password": NEW}, follow=True).content.decode()
    assert "The addresses of your calendars were revoked with the old" in page
    assert answers(*paths) == [False, False]


@pytest.mark.control(93)
@pytest.mark.postgresql
def test_11_a_renewal_under_way_gives_no_life_back(grace: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thief's request has read the row when the password is reset."""
    feed(grace)
    thief, give = signed_in_at(Client(), grace), CalendarFeed.give_token
    path = "/" + password_reset.link(grace).split("/", 3)[3]

    def give_token(one: CalendarFeed, now: datetime) -> str:
        assert Client().post(path, {"password": NEW}).status_code == 302
        return give(one, now)

    monkeypatch.setattr(CalendarFeed, "give_token", give_token)
    renewed = thief.post(reverse("calendar-renew", args=[CalendarFeed.objects.get().pk]))
    assert renewed.status_code == 404
    assert CalendarFeed.objects.get().revoked_at


@pytest.mark.parametrize("is_asked", [True, False])
def test_11_a_changed_password_offers_to_end_them(grace: User, is_asked: bool) -> None:
    path = feed(grace)
    client = signed_in_at(Client(), grace)
    page = client.get(reverse("password-change")).content.decode()
    assert "Revoke my calendars too" in page
    assert "All tenants" in page
    client.post(reverse("password-change"), {"password": NEW, **({"calendars": "on"} if is_asked else {})})
    assert answers(path) == [not is_asked]


def test_11_with_a_locked_account_they_end_for_good(grace: User, owner: User) -> None:
    path = feed(grace)
    users.deactivate(grace, by=owner, now=timezone.now())
    users.activate(grace, by=owner)
    assert answers(path) == [False]


def test_11_with_a_role_that_is_taken_they_end_for_good(grace: User, owner: User, tenant: Tenant) -> None:
    everything, one = feed(grace), feed(grace, tenant)
    users.set_role(grace, None, None, by=owner)
    assert answers(everything, one) == [True, True]
    users.set_role(grace, tenant.pk, None, by=owner)
    assert answers(everything, one) == [False, False]
    users.set_role(grace, None, Role.VIEWER, by=owner)
    assert answers(everything, one) == [False, False]


def test_11_one_of_another_tenant_ends_while_another_stays(
    grace: User, owner: User, tenant: Tenant, rows: Rows
) -> None:
    other = rows.tenant("Lakeside")
    Membership.objects.create(user=grace, tenant=other, role=Role.VIEWER)
    users.set_role(grace, None, None, by=owner)
    paths = (feed(grace, tenant), feed(grace, other))
    users.set_role(grace, tenant.pk, None, by=owner)
    assert answers(*paths) == [False, True]


def test_11_a_role_by_a_group_that_lapsed_silences_them_until_it_is_back(grace: User) -> None:
    path = feed(grace)
    Membership.objects.all().delete()
    row = Membership.objects.create(
        user=grace, role=Role.VIEWER, source=RoleSource.GROUP, confirmed_at=timezone.now() - timedelta(days=9)
    )
    assert answers(path) == [False]
    Membership.objects.filter(pk=row.pk).update(confirmed_at=timezone.now())
    assert answers(path) == [True]
