"""Item 5: what people with a role in one tenant change of other tenants, and of the installation: nothing, whichever
page they post to, with which of their own rows in the address, and whose ids in what they send.

`POST /mailboxes/<own>/want-graph/` asked for the right to the mailbox and wrote its app, which may be another tenant's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import Model
from django.urls import reverse

from alertadmin.accounts.roles import Role
from alertadmin.registry.models import AppRegistration, Mailbox
from alertadmin.registry.permissions import Permission
from sandbox import Sandbox
from tests.dashboard.test_every_page import WRITES
from tests.rows import Rows
from tests.security import foreign
from tests.security.foreign import ROLES, Foreign, all_models, often
from tests.security.routes import routes
from tests.security.walker import Walker, undone

pytestmark = [pytest.mark.postgresql, pytest.mark.control(28, 31, 81)]

OF_SESSIONS = ('"django_session"', '"usersessions_usersession"', '"accounts_tries"', '"accounts_auditentry"')
SHOWN = 40
Edge = tuple[str, object, str, object]


@pytest.fixture
def world(rows: Rows, sandbox: Sandbox) -> Foreign:
    return foreign.build(rows, sandbox)


@contextmanager
def written() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITES.match(sql) and not any(table in sql for table in OF_SESSIONS):
            statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def rows_of(world: Foreign) -> dict[str, list[tuple[Any, ...]]]:
    """Every foreign row, whole."""
    return {model._meta.label: sorted(world.rows(model).order_by().values_list(), key=str) for model in world.foreign}


def edges(world: Foreign) -> set[Edge]:
    """Every row that points at a foreign one, and by which field."""
    found: set[Edge] = set()
    for model in all_models():
        for one in model._meta.concrete_fields:
            related: Any = one.related_model
            if isinstance(one, models.ForeignKey) and related in world.foreign:
                pointing = model._default_manager.filter(**{f"{one.name}__in": world.foreign[related]}).order_by()
                found |= {(model._meta.label, pk, one.name, key) for pk, key in pointing.values_list("pk", one.attname)}
    return found


def bodies(world: Foreign, fields: dict[str, Any], choosers: set[str]) -> Iterator[dict[str, Any]]:
    """A form as it stands; with a foreign id in each field that chooses a row, alone and all at once; and with
    foreign ids in fields that the form does not have."""
    theirs = {name: world.a_foreign(name.rpartition("-")[2]) for name in sorted(choosers)}
    added = {name: world.a_foreign(name) for name in ("tenant", "app", "mailbox", "credential", "channel", "person")}
    yield fields
    yield {**fields, **added, **{f"{name}_id": key for name, key in added.items()}, **theirs}
    for name, key in theirs.items() if len(theirs) > 1 else ():
        yield {**fields, name: key}


@pytest.mark.parametrize("role", often(Role.ADMINISTRATOR))
def test_nothing_foreign_is_changed_by_any_page(world: Foreign, role: Role) -> None:
    walker, wrong = Walker(world, role), []
    rows_before, edges_before = rows_of(world), edges(world)
    sent, count = set(), 0
    for _route, page in walker.addresses():
        for url, fields, choosers in [*walker.forms(page), (page, {}, set())]:
            for body in bodies(world, fields, choosers):
                if (key := (url, str(sorted(body.items())))) in sent:
                    continue
                sent.add(key)
                with undone():
                    with written() as statements:
                        status = world.clients[role].post(url, body).status_code
                    if not statements:
                        continue
                    count += 1
                    wrong += [f"{status} POST {url} {body} {one}" for one in _changed(world, rows_before, edges_before)]
    assert not wrong, "\n".join([*wrong[:SHOWN], f"{len(wrong)} in all"])
    assert count > {Role.ADMINISTRATOR: 40, Role.OPERATOR: 8}.get(role, 2)


def _changed(world: Foreign, before: dict[str, list[tuple[Any, ...]]], edges_before: set[Edge]) -> list[str]:
    now = rows_of(world)
    changed = [label for label in before if before[label] != now[label]]
    through = set(Mailbox.objects.filter(tenant=world.own.tenant).values_list("app", flat=True))
    made = {one for one in edges(world) - edges_before if not (one[2] == "app" and one[3] in through)}
    return [f"changed {label}" for label in changed] + [f"made {edge}" for edge in made]


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

    monkeypatch.setattr("alertadmin.accounts.access.Access.one", careless)
    mailbox = Mailbox.objects.filter(tenant=world.own.tenant, app=world.other.app).first()
    assert mailbox is not None
    AppRegistration.objects.filter(mailboxes=mailbox).update(permissions=[Permission.FULL_ACCESS])
    before, edges_before = rows_of(world), edges(world)
    world.clients[Role.ADMINISTRATOR].post(reverse("mailbox-want-graph", args=[mailbox.pk]))
    assert "changed registry.AppRegistration" in _changed(world, before, edges_before)
