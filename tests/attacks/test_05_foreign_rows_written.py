"""Item 5: users with a role in one tenant change nothing of other tenants or the installation, by any page, with any of
their own rows in the URL and any ids in the data.

`POST /mailboxes/<own>/want-graph/` checked the right to the mailbox and wrote its app, which may be another tenant's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import models
from django.db.models import Model
from django.urls import reverse

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Role
from alertadmin.registry.models import AppRegistration, Mailbox
from alertadmin.registry.permissions import Permission
from sandbox import Sandbox
from tests.factories import Rows
from tests.security import foreign
from tests.security.effects import Measure, declares
from tests.security.foreign import ROLES, Foreign, some_or_all
from tests.security.route_matrix import routes
from tests.security.walker import Walker

pytestmark = pytest.mark.control(28, 31, 81, 111)

SHOWN = 40
Edge = tuple[str, object, str, object]


@pytest.fixture
def world(rows: Rows, sandbox: Sandbox) -> Foreign:
    return foreign.build(rows, sandbox)


class Foreigners:
    """Every foreign row, and every row that points at one, as they stood; compared table by table."""

    def __init__(self, world: Foreign) -> None:
        self.world = world
        self.before = {model: (self._rows(model), self._edges(model)) for model in world.foreign}
        self.sent_through = set(Mailbox.objects.filter(tenant=world.own.tenant).values_list("app", flat=True))

    def changed(self, tables: Iterable[str]) -> Iterator[str]:
        """By an act that wrote to these tables."""
        for model, (rows, edges) in self.before.items():
            if model._meta.db_table not in tables:
                continue
            if self._rows(model) != rows:
                yield f"changed {model._meta.label}"
            made = self._edges(model) - edges
            yield from (f"made {one}" for one in made if not (one[2] == "app" and one[3] in self.sent_through))

    def _rows(self, model: type[Model]) -> list[tuple[Any, ...]]:
        return sorted(self.world.rows(model).order_by().values_list(), key=str)

    def _edges(self, model: type[Model]) -> set[Edge]:
        """By which field of which row."""
        found: set[Edge] = set()
        for one in model._meta.concrete_fields:
            related: Any = one.related_model
            if isinstance(one, models.ForeignKey) and related in self.world.foreign:
                pointing = model._default_manager.filter(**{f"{one.name}__in": self.world.foreign[related]}).order_by()
                found |= {(model._meta.label, pk, one.name, key) for pk, key in pointing.values_list("pk", one.attname)}
        return found


def bodies(world: Foreign, each_alone: bool, fields: dict[str, Any], choosers: set[str]) -> Iterator[dict[str, Any]]:
    """A form as it stands; with a foreign id in each field that chooses a row, alone and all at once; and with
    foreign ids in fields that the form does not have."""
    theirs = {name: world.a_foreign(name.rpartition("-")[2]) for name in sorted(choosers)}
    added = {name: world.a_foreign(name) for name in ("tenant", "app", "mailbox", "credential", "channel", "person")}
    if fields or each_alone:
        yield fields
    yield {**fields, **added, **{f"{name}_id": key for name, key in added.items()}, **theirs}
    for name, key in theirs.items() if each_alone and len(theirs) > 1 else ():
        yield {**fields, name: key}


@pytest.mark.parametrize(("role", "of_each_shape"), some_or_all(Role.ADMINISTRATOR))
def test_nothing_foreign_is_changed_by_any_page_nor_told_by_its_answer(
    world: Foreign, role: Role, of_each_shape: bool
) -> None:
    """And what each page does is among its declared effects, and within the rights of that role."""
    walker, wrong, count = Walker(world, role, of_each_shape), [], 0
    foreigners, measure, access = Foreigners(world), Measure.begun(), Access(world.people[role])
    for play in walker.plays(partial(bodies, world, not of_each_shape)):
        wrong += [f"{play} told {leaked}" for got in play.got if (leaked := world.leaked(got.answer, got.asked))]
        wrong += [f"{play}" for got in play.got if got.status == 500]
        if not play.tables:
            continue
        count += 1
        wrong += [f"{play} {one}" for one in foreigners.changed(play.tables)]
        for caused in measure.caused(play.tables, world.people[role].pk):
            if not declares(play.page, caused.effect):
                wrong.append(f"{play} is not declared to cause {caused}")
            if not caused.is_within(access, measure.rights):
                wrong.append(f"{play} caused {caused}")
    assert not wrong, "\n".join([*wrong[:SHOWN], f"{len(wrong)} in all"])
    assert count > {Role.ADMINISTRATOR: 40, Role.OPERATOR: 8}.get(role, 2)


def test_an_app_that_mailboxes_of_others_send_through_is_not_deleted_with_them(world: Foreign) -> None:
    url = reverse("app-delete", args=[world.own.app.pk])
    page = world.clients[Role.ADMINISTRATOR].post(url, follow=True)
    assert "Mailboxes of other tenants send through this app" in page.content.decode()
    assert AppRegistration.objects.filter(pk=world.own.app.pk).exists()
    Mailbox.objects.filter(app=world.own.app).exclude(tenant=world.own.tenant).delete()
    world.clients[Role.ADMINISTRATOR].post(url)
    assert not AppRegistration.objects.filter(pk=world.own.app.pk).exists()


def test_every_page_that_takes_a_row_of_theirs_is_walked(world: Foreign) -> None:
    walked = {route.name for route, _url in Walker(world, Role.ADMINISTRATOR).addresses()}
    left = {route.name for route in routes() if route.has_row} - walked
    assert left <= {"session-end", "provider-connect"}, left


@pytest.mark.parametrize("role", ROLES)
def test_an_app_of_another_tenant_is_not_changed_by_way_of_a_mailbox_of_ones_own(world: Foreign, role: Role) -> None:
    """The hole as it was reported; and the button is not offered."""
    theirs = Mailbox.objects.filter(tenant=world.own.tenant, transport="ews").exclude(app=world.own.app)
    assert theirs
    for mailbox in theirs:
        AppRegistration.objects.filter(mailboxes=mailbox).update(permissions=[Permission.FULL_ACCESS])
        url = reverse("mailbox-want-graph", args=[mailbox.pk])
        assert world.clients[role].post(url).status_code == (404 if role == Role.ADMINISTRATOR else 403)
        assert AppRegistration.objects.get(mailboxes=mailbox).permissions == [Permission.FULL_ACCESS]
        assert url not in world.clients[role].get(reverse("mailbox-leaving", args=[mailbox.pk])).content.decode()


def test_the_walk_sees_a_page_that_writes_through_a_relation(world: Foreign, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(_access: object, source: Any, pk: object, *_right: object) -> Model:
        return source._default_manager.get(pk=pk)  # type: ignore[no-any-return]

    monkeypatch.setattr("alertadmin.accounts.access.Access.get_or_404", careless)
    monkeypatch.setattr("alertadmin.dashboard.ews_migration.views.check_consent", lambda *_args, **_now: None)
    mailbox = Mailbox.objects.filter(tenant=world.own.tenant, app=world.other.app).first()
    assert mailbox is not None
    AppRegistration.objects.filter(mailboxes=mailbox).update(permissions=[Permission.FULL_ACCESS])
    foreigners = Foreigners(world)
    play = Walker(world, Role.ADMINISTRATOR).play(reverse("mailbox-want-graph", args=[mailbox.pk]), {})
    assert "changed registry.AppRegistration" in foreigners.changed(play.tables)
