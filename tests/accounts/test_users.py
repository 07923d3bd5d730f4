"""Administration of other users: which actions are allowed, and to which administrators."""

from __future__ import annotations

from datetime import datetime

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import LastOwner, Membership, RoleSource
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import users
from alertadmin.audit import AuditEntry
from alertadmin.registry.models import MfaSecret
from tests.accounts.test_invitations import person
from tests.factories import Rows
from tests.helpers.mfa import add_app


@pytest.fixture
def owner(db: None) -> User:
    return person("first@northpark.example", Role.OWNER)


@pytest.fixture
def administrator(db: None) -> User:
    return person("ada@northpark.example", Role.ADMINISTRATOR)


@pytest.fixture
def grace(db: None) -> User:
    return person("grace@northpark.example", Role.OPERATOR)


def test_a_role_is_given_changed_and_taken_on_the_record(owner: User, grace: User, rows: Rows) -> None:
    tenant = rows.tenant()
    users.set_role(grace, tenant.pk, Role.ADMINISTRATOR, by=owner)
    users.set_role(grace, None, Role.VIEWER, by=owner)
    users.set_role(grace, tenant.pk, None, by=owner)
    assert [(one.role, one.tenant) for one in grace.memberships.all()] == [("viewer", None)]
    told = [(one.details["role"], one.tenant) for one in AuditEntry.objects.order_by("number")]
    assert told == [
        (["", "administrator"], tenant.pk),
        (["operator", "viewer"], None),
        (["administrator", ""], tenant.pk),
    ]


def test_what_a_group_gave_is_not_taken_by_hand(owner: User, grace: User) -> None:
    Membership.objects.create(user=grace, role=Role.AUDITOR, source=RoleSource.GROUP, confirmed_at=timezone.now())
    users.set_role(grace, None, None, by=owner)
    assert [(one.role, one.source) for one in grace.memberships.all()] == [("auditor", "group")]


@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_nobody_gives_more_than_they_have(administrator: User, grace: User, role: Role) -> None:
    with pytest.raises(users.NotAllowed):
        users.set_role(grace, None, role, by=administrator)
    assert grace.memberships.get().role == "operator"


def test_nobody_takes_a_role_that_may_do_more_than_theirs(owner: User, administrator: User) -> None:
    person("second@northpark.example", Role.OWNER)
    for role in (None, Role.VIEWER):
        with pytest.raises(users.NotAllowed):
            users.set_role(owner, None, role, by=administrator)


@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER, None])
def test_nobody_changes_their_own_role(owner: User, administrator: User, role: Role | None) -> None:
    for one in (owner, administrator):
        with pytest.raises(users.NotAllowed):
            users.set_role(one, None, role, by=one)


def test_of_one_tenant_nobody_gives_a_role_elsewhere(grace: User, rows: Rows) -> None:
    mine, other = rows.tenant(), rows.tenant()
    by = person("local@northpark.example", Role.ADMINISTRATOR, mine)
    person("first@northpark.example", Role.OWNER)
    users.set_role(grace, mine.pk, Role.VIEWER, by=by)
    for place in (other.pk, None):
        with pytest.raises(users.NotAllowed):
            users.set_role(grace, place, Role.VIEWER, by=by)
    for act in (users.reset_factors, users.remove, users.activate):
        with pytest.raises(users.NotAllowed):
            act(grace, by=by)


def test_the_last_owner_stays(owner: User, now: datetime) -> None:
    """By another owner, here one that has just been deactivated, as in a race of two."""
    second = person("second@northpark.example", Role.OWNER)
    users.set_role(second, None, Role.VIEWER, by=owner)
    Membership.objects.filter(user=second).update(role=Role.OWNER)
    User.objects.filter(pk=second.pk).update(is_active=False)
    ghost = User(pk=second.pk, email=second.email, is_active=True)
    with pytest.raises(LastOwner):
        users.set_role(owner, None, Role.VIEWER, by=ghost)
    with pytest.raises(LastOwner):
        users.deactivate(owner, by=ghost, now=now)
    with pytest.raises(LastOwner):
        users.remove(owner, by=ghost)
    owner = User.objects.get(email="first@northpark.example")
    assert (owner.is_active, owner.memberships.get().role) == (True, "owner")
    assert AuditEntry.objects.count() == 1, "what did not happen is not on the record as done"


def test_whoever_is_switched_off_is_out_at_once(owner: User, grace: User, now: datetime) -> None:
    client = Client()
    client.force_login(grace)
    assert client.get("/profile/").status_code == 200
    users.deactivate(grace, by=owner, now=now)
    assert client.get("/profile/").status_code == 302
    assert not UserSession.objects.filter(user=grace).exists()
    users.activate(grace, by=owner)
    assert client.get("/profile/").status_code == 302, "the old session does not come back"


def test_reset_factors_are_gone_with_their_secrets(owner: User, grace: User) -> None:
    add_app(grace)
    users.reset_factors(grace, by=owner)
    assert (Authenticator.objects.count(), MfaSecret.objects.count()) == (0, 0)
    assert AuditEntry.objects.get().act == "factor.removed"


def test_whoever_is_deleted_stays_on_the_record(owner: User, grace: User) -> None:
    users.remove(grace, by=owner)
    assert not User.objects.filter(email="grace@northpark.example").exists()
    assert AuditEntry.objects.get().label == "grace@northpark.example"


def test_nobody_is_switched_off_by_themselves_or_by_whoever_may_do_less(
    owner: User, administrator: User, now: datetime
) -> None:
    for person_, by in ((owner, administrator), (administrator, administrator)):
        with pytest.raises(users.NotAllowed):
            users.deactivate(person_, by=by, now=now)


def test_an_account_is_managed_by_whoever_manages_the_installation_alone(rows: Rows, now: datetime) -> None:
    tenant = rows.tenant()
    local = person("local@northpark.example", Role.ADMINISTRATOR, tenant)
    theirs = person("theirs@northpark.example", Role.VIEWER, tenant)
    with pytest.raises(users.NotAllowed):
        users.deactivate(theirs, by=local, now=now)
    assert User.objects.get(pk=theirs.pk).is_active
