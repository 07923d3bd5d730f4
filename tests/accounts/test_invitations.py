"""Invitations: valid once, for seven days, limited to the inviter's rights; a stolen database contains no link."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from threading import Thread

import pytest
from django.core import serializers
from django.db import connection

from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import GOOD_FOR, Invitation, InvitedRole
from alertadmin.accounts.models.membership import Membership, make_owner
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations, users
from alertadmin.accounts.services.role_grants import RoleGrantRefused
from alertadmin.audit import AuditEntry
from alertadmin.operator_log.redaction import TOKENS
from tests.factories import Rows

ADDRESS = "grace@northpark.example"


def token(invitation: Invitation) -> str:
    return invitation.link.rstrip("/").rpartition("/")[2]


def invited(now: datetime, by: User | None = None, role: Role = Role.OPERATOR) -> Invitation:
    return invitations.invite(ADDRESS, {None: role}, by=by, now=now)


def person(address: str, role: Role, tenant: object = None) -> User:
    user = User.objects.create_user(address)
    Membership.objects.create(user=user, role=role, tenant=tenant)  # type: ignore[misc]
    return user


@pytest.mark.django_db
def test_it_makes_an_account_with_the_role_and_is_good_once(now: datetime) -> None:
    made = invited(now)
    user = invitations.accept(made.key, now, proves=True, name="Grace", password="correct horse battery staple")
    assert user is not None
    assert (user.email, user.name, user.check_password("correct horse battery staple")) == (ADDRESS, "Grace", True)
    assert [(one.role, one.tenant) for one in user.memberships.all()] == [("operator", None)]
    assert invitations.find(token(made), now) is None
    assert invitations.accept(made.key, now, proves=True) is None
    acts = AuditEntry.objects.order_by("number").values_list("act", flat=True)
    assert list(acts) == ["person.invited", "person.created", "person.proven", "person.role_changed", "person.accepted"]


@pytest.mark.django_db
def test_it_ends_after_seven_days(now: datetime) -> None:
    made = invited(now)
    assert invitations.find(token(made), now + GOOD_FOR - timedelta(seconds=1)) == made
    assert invitations.find(token(made), now + GOOD_FOR) is None
    assert invitations.accept(made.key, now + GOOD_FOR, proves=True) is None


@pytest.mark.django_db
def test_a_new_link_makes_the_old_one_worthless(now: datetime) -> None:
    made = invited(now)
    old = token(made)
    invitations.renew(made, now + timedelta(days=6))
    assert invitations.find(old, now) is None
    assert invitations.find(token(made), now + timedelta(days=12)) == made


@pytest.mark.django_db
def test_what_was_taken_back_is_worthless(now: datetime) -> None:
    made = invited(now)
    invitations.revoke(made, now)
    assert invitations.find(token(made), now) is None
    assert invitations.accept(made.key, now, proves=True) is None


@pytest.mark.django_db
@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: "x", lambda text: text.partition(":")[0]])
def test_a_link_that_nobody_signed_is_none(now: datetime, change: object) -> None:
    assert invitations.find(change(token(invited(now))), now) is None  # type: ignore[operator]


@pytest.mark.django_db
@pytest.mark.control(1)
def test_a_stolen_database_holds_no_link_that_works(now: datetime) -> None:
    made = invited(now)
    dump = json.loads(serializers.serialize("json", [*Invitation.objects.all(), *InvitedRole.objects.all()]))
    signature = token(made).rpartition(":")[2]
    assert signature not in json.dumps(dump)
    assert invitations.find(made.key, now) is None, "what is stored is no token"


@pytest.mark.django_db
def test_no_log_holds_the_link(now: datetime) -> None:
    made = invited(now)
    assert token(made) not in TOKENS.sub(r"\1\3…\2", f"Not Found: /invitation/{token(made)}/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("own", "role", "may"),
    [
        (Role.OWNER, Role.OWNER, True),
        (Role.ADMINISTRATOR, Role.ADMINISTRATOR, True),
        (Role.ADMINISTRATOR, Role.OPERATOR, True),
        (Role.ADMINISTRATOR, Role.OWNER, False),
        (Role.ADMINISTRATOR, Role.AUDITOR, False),
        (Role.OPERATOR, Role.VIEWER, False),
    ],
)
def test_nobody_gives_what_could_do_more_than_they(now: datetime, own: Role, role: Role, may: bool) -> None:
    by = person("ada@northpark.example", own)
    if may:
        assert invited(now, by, role).invited_by == by
    else:
        with pytest.raises(RoleGrantRefused):
            invited(now, by, role)
        assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_of_one_tenant_nobody_invites_to_another_or_to_all(now: datetime, rows: Rows) -> None:
    mine, other = rows.tenant(), rows.tenant()
    by = person("ada@northpark.example", Role.ADMINISTRATOR, mine)
    assert invitations.invite(ADDRESS, {mine.pk: Role.VIEWER}, by=by, now=now).is_open(now)
    for place in (other.pk, None):
        with pytest.raises(RoleGrantRefused):
            invitations.invite(ADDRESS, {place: Role.VIEWER}, by=by, now=now)


@pytest.mark.django_db
def test_it_is_worth_no_more_than_its_inviter_when_it_is_accepted(now: datetime) -> None:
    make_owner(person("first@northpark.example", Role.VIEWER))
    by = person("ada@northpark.example", Role.ADMINISTRATOR)
    made = invited(now, by)
    Membership.objects.filter(user=by).update(role=Role.VIEWER)
    assert invitations.find(token(made), now) is None
    assert invitations.accept(made.key, now, proves=True) is None


@pytest.mark.django_db
def test_with_somebody_who_is_switched_off_their_invitations_go(now: datetime) -> None:
    owner = person("first@northpark.example", Role.OWNER)
    by = person("ada@northpark.example", Role.ADMINISTRATOR)
    made = invited(now, by)
    users.deactivate(by, by=owner, now=now)
    made.refresh_from_db()
    assert made.revoked_at == now


@pytest.mark.django_db
def test_an_account_that_is_here_is_not_taken_over_but_takes_the_role(now: datetime, rows: Rows) -> None:
    here = person("Grace@northpark.example", Role.VIEWER)
    made = invitations.invite(ADDRESS, {rows.tenant().pk: Role.OPERATOR}, by=None, now=now)
    assert invitations.accept(made.key, now, proves=True, password="correct horse battery staple") is None
    assert invitations.accept(made.key, now, proves=True, by=person("eve@northpark.example", Role.VIEWER)) is None
    assert invitations.accept(made.key, now, proves=True, by=here) == here
    assert sorted(here.memberships.values_list("role", flat=True)) == ["operator", "viewer"]


@pytest.mark.django_db
def test_a_role_that_may_do_more_is_not_lowered_by_an_invitation(now: datetime) -> None:
    here = person(ADDRESS, Role.ADMINISTRATOR)
    invitations.accept(invited(now, role=Role.VIEWER).key, now, proves=True, by=here)
    assert here.memberships.get().role == "administrator"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_accept_at_once_one_comes_in(now: datetime) -> None:
    made = invited(now)
    came: list[User | None] = []

    def accept() -> None:
        try:
            came.append(invitations.accept(made.key, now, proves=True, password="correct horse battery staple"))
        finally:
            connection.close()

    threads = [Thread(target=accept) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one is not None for one in came) == [False, False, False, True]
    assert User.objects.count() == 1
