"""Item 3: no role reaches a higher one by any chain of acts, nor does a session that was left open.

An administrator ticked "sends the reminders" on a mailbox of their own, and read the owner's link to a new password.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.access import Access
from alertadmin.accounts.demand import SignInDemand
from alertadmin.accounts.membership import Membership
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import RIGHTS, Right, Role
from alertadmin.outbox import content
from alertadmin.outbox.models import Channel, Delivery, Purpose
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from alertadmin.reminders.models import Policy, Recipient
from alertadmin.watching.models import Monthly
from sandbox import Sandbox
from tests.conftest import hashed_password
from tests.dashboard.test_policies import said
from tests.rows import Rows
from tests.security import foreign
from tests.security.effects import CAUSES, OWNERS, Effect, reached
from tests.security.foreign import Foreign
from tests.security.walker import Walker, undone
from tests.signing_in import signed_in_at

pytestmark = [pytest.mark.postgresql, pytest.mark.control(26, 82)]

TICKED = {"sends_reminders": "on", "mailbox-sends_reminders": "on", "is_last_resort": "on"}
HOURS_AGO = 5 * 3600
POLICY = said()


def test_no_role_reaches_a_higher_one_by_any_chain_of_acts() -> None:
    for role, rights in RIGHTS.items():
        assert reached(rights, CAUSES.values()) == rights, role


@pytest.mark.parametrize("act", [act for act, (effect, _right) in CAUSES.items() if effect in OWNERS])
@pytest.mark.parametrize("right", [Right.CHANGE, Right.OPERATE])
def test_a_check_taken_away_lets_a_role_rise(act: str, right: Right) -> None:
    weaker = {**CAUSES, act: (CAUSES[act][0], right)}
    assert any(reached(rights, weaker.values()) != rights for rights in RIGHTS.values())


def test_what_owners_alone_cause_is_known() -> None:
    """A new act of an owner's is to be entered."""
    assert {effect for effect, right in CAUSES.values() if right == Right.GOVERN} == OWNERS
    assert {right for effect, right in CAUSES.values() if effect in OWNERS} == {Right.GOVERN}
    assert Effect.ROWS not in OWNERS


# What pages do, against what is declared


@pytest.fixture
def world(rows: Rows, sandbox: Sandbox) -> Foreign:
    """One mailbox is chosen, through another app than the walker's others."""
    made = foreign.build(rows, sandbox)
    Mailbox.objects.filter(pk=made.own.mailbox.pk).update(sends_reminders=True)
    return made


def as_role(world: Foreign, role: Role, *, signed_in: float | None = None) -> Walker:
    """Somebody with that role in the whole installation, who reaches every row."""
    user = User.objects.create(email=f"everywhere-{role}@provider.example", password=hashed_password())
    Membership.objects.create(user=user, role=role)
    world.clients[role] = signed_in_at(Client(raise_request_exception=False), user, signed_in)
    house = Channel.objects.filter(is_last_resort=True).values_list("pk", flat=True)
    own: dict[str, list[object]] = {
        "Mailbox": [world.own.mailbox.pk],
        "AppRegistration": [world.own.app.pk],
        "Tenant": [world.own.tenant.pk],
    }
    world.keys[role] = {**own, "Channel": list(house), "Guide": world.keys[Role.ADMINISTRATOR]["Guide"]}
    return Walker(world, role)


def powers() -> list[Any]:
    """All that decides by what, and to whom, the installation sends, and what its owners may and need."""
    owners = User.objects.filter(memberships__role=Role.OWNER, memberships__tenant=None)
    return [
        list(Mailbox.objects.filter(sends_reminders=True).values_list("pk", "address", "app", "server", "tenant")),
        list(AppRegistration.objects.filter(mailboxes__sends_reminders=True).values_list("client_id", "tenant")),
        list(Tenant.objects.filter(mailboxes__sends_reminders=True).values_list("directory_id", "cloud")),
        [list(model.objects.filter(tenant=None, app=None).order_by("pk").values_list())
         for model in (Channel, Policy, Recipient)],
        list(Monthly.objects.values_list()),
        list(SignInDemand.objects.values_list()),
        list(owners.order_by("pk").values_list("pk", "email", "is_active", "password")),
        list(Authenticator.objects.filter(user__in=owners).order_by("pk").values_list("pk")),
        list(Membership.objects.filter(tenant=None).order_by("pk").values_list("user", "role")),
    ]  # fmt: skip


def rises(walker: Walker, client: Client) -> list[str]:
    """The pages by which one of these became another."""
    before, found = powers(), []
    for _route, page in walker.addresses():
        for url, fields, _choosers in [*walker.forms(page), (page, {}, set())]:
            changed = {name: "changed@x.example" for name in fields if name.endswith("address")}
            changed = {**changed, **({"client_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12} if fields else {})}
            for body in ({**fields, **TICKED}, {**fields, **changed, **TICKED}):
                with undone():
                    client.post(url, body)
                    if powers() != before:
                        found.append(url)
    return sorted(set(found))


@pytest.mark.slow
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, pytest.param(Role.OPERATOR, marks=pytest.mark.slow)])
def test_no_page_lets_anybody_but_an_owner_choose_by_what_the_installation_sends(world: Foreign, role: Role) -> None:
    walker = as_role(world, role)
    assert rises(walker, world.clients[role]) == []


@pytest.mark.slow
def test_no_page_lets_a_session_that_was_left_open_do_it(world: Foreign) -> None:
    walker = as_role(world, Role.OWNER, signed_in=time.time() - HOURS_AGO)
    assert rises(walker, world.clients[Role.OWNER]) == []


@pytest.mark.slow
def test_the_walk_sees_what_an_owner_does(world: Foreign) -> None:
    walker = as_role(world, Role.OWNER)
    found = " ".join(rises(walker, world.clients[Role.OWNER]))
    chosen = world.own.mailbox.pk
    for page in (f"/mailboxes/{chosen}/edit/", f"/mailboxes/{chosen}/delete/", "/channels/", "/reminders/"):
        assert page in found, page


@pytest.mark.slow
def test_a_check_that_is_taken_away_is_seen_by_the_walk(world: Foreign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Access, "_owners", lambda *_arguments: None)
    walker = as_role(world, Role.ADMINISTRATOR)
    assert rises(walker, world.clients[Role.ADMINISTRATOR])


DOORS: dict[str, dict[str, object]] = {
    "mailbox-edit": {"transport": "graph", "sends_reminders": "on"},
    "policies": {**POLICY, "people-first": "me@x.example"},
    "watching": {"day": "3", "is_on": "on", "emails": "me@x.example"},
    "channel-add": {"name": "mine", "new_address": "https://hooks.example/mine", "line": "0", "is_last_resort": "on"},
}
"""Pages by which an owner chooses, and what they send."""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("role", "ago"), [(Role.ADMINISTRATOR, 0), (Role.OPERATOR, 0), (Role.OWNER, HOURS_AGO), (Role.OWNER, 0)], ids=str
)
def test_an_owner_who_has_just_shown_who_they_are_chooses_and_nobody_else(
    rows: Rows, role: Role, ago: int, door: str
) -> None:
    app = rows.app()
    mailbox = Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@x.example", transport="graph")
    user = User.objects.create(email="me@provider.example", password=hashed_password())
    Membership.objects.create(user=user, role=role)
    client = signed_in_at(Client(), user, time.time() - ago)
    before = powers()
    data: dict[str, object] = {
        **DOORS[door],
        **({"address": mailbox.address, "app": str(app.pk)} if door == "mailbox-edit" else {}),
    }
    url = reverse(door, args=[mailbox.pk] if door == "mailbox-edit" else [])
    client.post(f"{url}?kind=webhook" if door == "channel-add" else url, data)
    may = role == Role.OWNER and not ago
    assert (powers() != before) == may
    assert Delivery.objects.filter(letters__kind="route", recipient=user.email).exists() == may


def test_owners_are_told_when_another_mailbox_is_chosen(world: Foreign) -> None:
    walker = as_role(world, Role.OWNER)
    other = Mailbox.objects.filter(app=world.own.app, tenant=world.own.tenant, sends_reminders=False).first()
    other = other or Mailbox.objects.create(
        tenant=world.own.tenant, app=world.own.app, address="other@x.example", transport="graph"
    )
    data = {"address": other.address, "app": other.app_id, "transport": "graph", "sends_reminders": "on"}
    answer = world.clients[walker.role].post(reverse("mailbox-edit", args=[other.pk]), data)
    assert answer.status_code == 302
    told = Delivery.objects.filter(purpose=Purpose.HOUSE, letters__kind="route")
    owners = User.objects.filter(memberships__role=Role.OWNER, memberships__tenant=None)
    assert {one.recipient for one in told} == {user.email_canonical for user in owners}
    worded = content.compose(told.latest("created_at"), timezone.now())
    assert isinstance(worded, content.Content)
    assert other.address in worded.text
    assert "everywhere-owner@provider.example" in worded.text
