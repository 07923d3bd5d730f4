"""Item 3: no chain of actions, and no session left open, gives a role the rights of a higher one.

An administrator enabled "sends the reminders" on a mailbox of their own and read the owner's password reset link.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Right, Role
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Channel, Delivery, Purpose
from alertadmin.registry.models import Mailbox, Tenant
from sandbox import Sandbox
from tests.conftest import hashed_password
from tests.dashboard.test_policies import said
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.security import foreign
from tests.security.effects import (
    EFFECTS,
    NEEDS,
    OF_ONE,
    OWNERS,
    PERSONAL,
    ROLE_ROWS,
    SHARED,
    Caused,
    Effect,
    Measure,
    acts,
    declares,
    holding,
    measured_models,
    reached,
    written,
)
from tests.security.foreign import Foreign
from tests.security.route_matrix import Place, routes
from tests.security.walker import Walker, undone

pytestmark = pytest.mark.control(26, 82, 111)

TICKED = {"sends_reminders": "on", "mailbox-sends_reminders": "on", "is_last_resort": "on"}
HOURS_AGO = 5 * 3600
POLICY = said()
CLIENT_ID = "00000000-0000-4000-8000-000000000000"
SHOWN = 40


# How far one gets by any chain of acts


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("role", Role)
def test_no_role_reaches_a_higher_one_by_any_chain_of_acts(role: Role, place: Place) -> None:
    start = holding(role, place)
    assert reached(start, acts()) == start


GUARDED = [(name, effect) for name, effects in sorted(EFFECTS.items()) for effect in sorted(effects & OWNERS)]


@pytest.mark.parametrize(("name", "effect"), GUARDED, ids=lambda one: one.name if isinstance(one, Effect) else one)
def test_a_page_that_asks_for_no_owner_lets_a_role_rise(name: str, effect: Effect) -> None:
    """But for those that owners alone may post to at all."""
    declared = next(route.declaration for route in routes() if route.name == name)
    assert declared is not None
    starts = [holding(role, place) for role in Role if role != Role.OWNER for place in Place]
    risen = [start for start in starts if reached(start, acts(unasked=(name, effect))) != start]
    assert bool(risen) == (declared.write_right != Right.GOVERN)


@pytest.mark.parametrize("right", [Right.CHANGE, Right.OPERATE])
@pytest.mark.parametrize("effect", sorted(OWNERS), ids=lambda one: one.name)
def test_an_effect_on_all_tenants_that_takes_less_lets_a_role_rise(effect: Effect, right: Right) -> None:
    pages = acts({**NEEDS, effect: right})
    assert any(reached(start, pages) != start for start in (holding(role, Place.EVERYWHERE) for role in Role))


def test_every_page_has_declared_what_it_can_cause() -> None:
    """A new page, or a new model, is to be entered."""
    assert {route.name for route in routes()} == set(EFFECTS)
    named = {*PERSONAL, *SHARED, *OF_ONE, *ROLE_ROWS}
    assert {model._meta.label for model in measured_models()} == named


# What pages do, against what is declared


@pytest.fixture
def world(rows: Rows, sandbox: Sandbox) -> Foreign:
    """One mailbox is chosen, through another app than the walker's others."""
    made = foreign.build(rows, sandbox, has_canaries=False)
    Mailbox.objects.filter(pk=made.own.mailbox.pk).update(sends_reminders=True)
    return made


def as_role(world: Foreign, role: Role, *, signed_in: float | None = None) -> Walker:
    """A person with that role in the whole installation, who reaches every row; a row of each shape is enough."""
    user = User.objects.create(email=f"everywhere-{role}@provider.example", password=hashed_password())
    Membership.objects.create(user=user, role=role)
    world.people[role] = user
    world.clients[role] = signed_in_at(Client(raise_request_exception=False), user, signed_in)
    keys = {
        model.__name__: list(model._default_manager.order_by("pk").values_list("pk", flat=True))
        for model in foreign.all_models()
        if model._meta.label not in PERSONAL
    }
    owner = Membership.objects.owners().exclude(user=user).values_list("user", flat=True)[0]
    world.keys[role] = {
        **keys,
        "User": [world.people[Role.VIEWER].pk, owner, user.pk],
        "Guide": world.keys[Role.ADMINISTRATOR]["Guide"],
    }
    site = world.own
    rests_on = frozenset({site.mailbox.pk, site.app.pk, site.tenant.pk, site.credential.pk})
    return Walker(world, role, of_each_shape=True, always=rests_on)


def raising(fields: dict[str, Any], _choosers: set[str]) -> Iterator[dict[str, Any]]:
    """A form as it stands with all that is of power ticked; and with other addresses, ids and roles in it."""
    yield {**fields, **TICKED}
    changed = {name: "changed@x.example" for name in fields if name.endswith("address")}
    changed |= {name: CLIENT_ID for name in fields if name.endswith("client_id")}
    changed |= {name: "on" for name in fields if name.endswith("remove_secrets")}
    for name in ("role",) if "role" in fields else ():
        yield {**fields, name: "owner", "tenant": ""}
    if changed:
        yield {**fields, **changed, **TICKED}


def walked(walker: Walker) -> tuple[list[str], set[tuple[str, Effect]]]:
    """What that person caused beyond their rights or beyond what the page declares; and all effects that were seen."""
    world, wrong, seen = walker.world, [], set()
    user = world.people[walker.role]
    measure, access = Measure.begun(), Access(user)
    for play in walker.plays(raising):
        for caused in measure.caused(play.tables, user.pk) if play.tables else ():
            seen.add((play.page, caused.effect))
            if not declares(play.page, caused.effect) or not caused.is_within(access, measure.rights):
                wrong.append(f"{play} caused {caused}")
    return wrong, seen


@pytest.mark.slow
@pytest.mark.parametrize("role", Role)
def test_what_each_role_causes_is_declared_and_within_its_rights(world: Foreign, role: Role) -> None:
    wrong, seen = walked(as_role(world, role))
    assert not wrong, "\n".join([*wrong[:SHOWN], f"{len(wrong)} in all"])
    if role == Role.OWNER:  # what they may, they also did: the walk sees it
        played_below = {Effect.TOLD, Effect.SIGN_IN}  # DOORS: their forms are sent with something else in them
        assert {effect for _page, effect in seen} | played_below == set(Effect)
        assert {("mailbox-edit", Effect.SENDER), ("app-delete", Effect.SENDER)} <= seen


@pytest.mark.slow
def test_a_session_that_was_left_open_causes_nothing_on_all_tenants(world: Foreign) -> None:
    wrong, seen = walked(as_role(world, Role.OWNER, signed_in=time.time() - HOURS_AGO))
    assert not wrong
    assert {effect for _page, effect in seen} & (OWNERS | {Effect.ROLES, Effect.ACCOUNTS}) == set()


DOORS: dict[str, dict[str, object]] = {
    "mailbox-edit": {"transport": "graph", "sends_reminders": "on"},
    "policies": {**POLICY, "people-first": "me@x.example"},
    "watching": {"day": "3", "is_on": "on", "emails": "me@x.example"},
    "channel-add": {"name": "mine", "new_address": "https://hooks.example/mine", "line": "0", "is_last_resort": "on"},
    "sign-in-demand": {"second_factor": "optional"},
}
"""Pages by which an owner chooses, and what they send."""


@pytest.fixture
def mailbox(rows: Rows) -> Mailbox:
    app = rows.app()
    return Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@x.example", transport="graph")


def person(role: Role, ago: float = 0, tenant: Tenant | None = None) -> tuple[User, Client]:
    user = User.objects.create(email=f"{role}-{ago:.0f}@provider.example", password=hashed_password())
    Membership.objects.create(user=user, role=role, tenant=tenant)
    return user, signed_in_at(Client(), user, time.time() - ago)


def choose(client: Client, door: str, mailbox: Mailbox) -> Any:
    """Sends what an owner would."""
    on_mailbox = {"address": mailbox.address, "app": str(mailbox.app_id)} if door == "mailbox-edit" else {}
    url = reverse(door, args=[mailbox.pk] if door == "mailbox-edit" else [])
    return client.post(f"{url}?kind=webhook" if door == "channel-add" else url, {**DOORS[door], **on_mailbox})


def of_owners(act: Callable[[], object], user: User) -> set[Effect]:
    measure = Measure.begun()
    return {one.effect for one in measure.caused(written(act), user.pk)} & OWNERS


@pytest.mark.parametrize(
    ("role", "ago"), [(Role.ADMINISTRATOR, 0), (Role.OPERATOR, 0), (Role.OWNER, HOURS_AGO), (Role.OWNER, 0)], ids=str
)
def test_an_owner_who_has_just_shown_who_they_are_chooses_and_nobody_else(
    mailbox: Mailbox, role: Role, ago: int
) -> None:
    user, client = person(role, ago)
    may = role == Role.OWNER and not ago
    for door in DOORS:
        with undone():
            found = of_owners(lambda door=door: choose(client, door, mailbox), user)  # type: ignore[misc]
            assert bool(found) == may, (door, found)
            assert found <= EFFECTS[door]
            told = Delivery.objects.filter(letters__kind="route", recipient=user.email)
            assert told.exists() == (may and door != "sign-in-demand"), door


# One guard after the other is taken away: an administrator rises, and the measure says so

GUARDS: dict[str, tuple[str, Any, Callable[[Client, Mailbox], object]]] = {
    "the right that the page declares": (
        "alertadmin.accounts.access.Access.require", lambda *_arguments, **_anywhere: None,
        lambda client, mailbox: choose(client, "policies", mailbox),
    ),
    "the right asked by the page": (
        "alertadmin.accounts.access.Access.require", lambda *_arguments, **_anywhere: None,
        lambda client, mailbox: choose(client, "channel-add", mailbox),
    ),
    "rows that owners change": (
        "alertadmin.accounts.access.Access._owners", lambda *_arguments: None,
        lambda client, _mailbox: client.post(reverse("channel-pause", args=[Channel.objects.get().pk])),
    ),
    "the guard of the sender": (
        "alertadmin.dashboard.ui.sender_guard._allow", lambda _request: None,
        lambda client, mailbox: client.post(reverse("app-delete", args=[mailbox.app_id])),
    ),
    "roles within one's own": (
        "alertadmin.accounts.services.role_grants.can_grant|alertadmin.dashboard.users.forms.can_grant",
        lambda *_arguments: True,
        lambda client, _mailbox: client.post(
            reverse("invite"), {"address": "me-too@x.example", "role": "owner", "place": "all", "language": ""}
        ),
    ),
    "accounts of those who may do no more": (
        "alertadmin.accounts.services.users.can_manage", lambda *_arguments: True,
        lambda client, _mailbox: client.post(
            reverse("person-switch", args=[User.objects.get(email="first@provider.example").pk]), {"to": "off"}
        ),
    ),
}  # fmt: skip
"""By guard: where it stands (all of its places), what takes it away, and an act that it refuses an administrator."""


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_that_is_taken_away_is_seen(mailbox: Mailbox, guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Channel.objects.create(name="house", service="webhook", label="Webhook", hint="h", is_last_resort=True)
    for one in ("first", "second"):
        Membership.objects.create(user=User.objects.create(email=f"{one}@provider.example"), role=Role.OWNER)
    user, client = person(Role.ADMINISTRATOR)
    places, instead, act = GUARDS[guard]
    assert not beyond(lambda: act(client, mailbox), user)
    for place in places.split("|"):
        monkeypatch.setattr(place, instead)
    assert beyond(lambda: act(client, mailbox), user)


def beyond(act: Callable[[], object], user: User) -> set[Caused]:
    """What that caused beyond their rights."""
    measure, access = Measure.begun(), Access(user)
    with undone():
        caused = measure.caused(written(act), user.pk)
    return {one for one in caused if not one.is_within(access, measure.rights)}


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
    worded = composers.compose(told.latest("created_at"), timezone.now())
    assert isinstance(worded, composers.Content)
    assert other.address in worded.text
    assert "everywhere-owner@provider.example" in worded.text
