"""Access of every user to every URL: routes x users x owner of the row x method, through the real middleware.

The matrix comes from the URLconf, so new pages are included, and a page without a declaration fails the test.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditEntry
from alertadmin.audit.tenant_scope import scope_of
from alertadmin.audit.throttle_counter import ThrottleCounter
from tests.dashboard.test_every_page import WRITES
from tests.security.route_matrix import PEOPLE, Answer, Case, Person, Place, Whose, cases, counted, routes, unguarded
from tests.security.scenario import World

UNGUARDED = "tests.security.unguarded_urls"
SHOWN = 40
CUSTOMER_S = Person(Role.ADMINISTRATOR, Place.ONE_TENANT)
AT_EACH_CHANGE = (CUSTOMER_S, Person(signed_in=False))
"""The others are walked in the long run: an owner of the installation, who is let in everywhere, sees each page in
tests/dashboard/test_every_page.py."""
NARROWER = {
    "channel-add": 403,
    "guide": 403,
    "register": 403,
    "mailbox-sign-in-begin": 404,
    "mailbox-sign-in-ask": 404,
    "mailbox-sign-in-confirm": 404,
    "mailbox-to-graph": 404,
    "provider-connect": 404,
}
"""Pages that check more than their declaration, and how they refuse: a channel of no tenant and a new tenant are for
administrators of the installation; the mailbox is none of a personal account, and does not want to leave EWS; there
is no such provider."""
OF_SESSIONS = ('"django_session"', '"usersessions_usersession"', '"accounts_tries"')
ANOTHER_EACH_TIME = re.compile(r"""name="csrfmiddlewaretoken" value="[^"]*"|'(?:X-Request-ID|Expires)': '[^']*'""")


def answered(response: HttpResponse) -> str:
    """All that came back, without what is another each time."""
    whole = f"{response.status_code} {dict(response.headers)} {response.content.decode()}"
    return re.sub(r"[0-9a-f-]{36}", "an id", ANOTHER_EACH_TIME.sub("", whole))


@contextmanager
def written() -> Iterator[list[str]]:
    """The statements that changed some row, but for the session's own and what is counted."""
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if WRITES.match(sql) and context["cursor"].rowcount and not any(table in sql for table in OF_SESSIONS):
            statements.append(sql)
        return result

    with connection.execute_wrapper(note):
        yield statements


def amiss(case: Case, changes: list[str]) -> str:
    """A refused request is audited, and a GET leaves no entry."""
    if not case.changes_nothing:
        return ""
    entries = [sql for sql in changes if sql.startswith(f'INSERT INTO "{AuditEntry._meta.db_table}"')]
    others = [sql for sql in changes if sql not in entries]
    if len(entries) != case.is_on_record:
        return f"{len(entries)} entries on the record"
    return f"wrote {others}" if others else ""


def meant(case: Case, response: HttpResponse) -> bool:
    status = response.status_code
    match case.expected:
        case Answer.FORBIDDEN:
            return status == 403
        case Answer.UNKNOWN:
            return status == 404 or (not case.is_on_record and status in (302, 405))
        case Answer.TO_THE_DOOR:
            return status == 302 and response.headers["Location"].startswith(reverse("sign-in"))
        case Answer.OPEN:
            return status != 500
        case Answer.LET_IN:
            return status not in (403, 404, 500) or status == NARROWER.get(case.route.name)


@pytest.mark.control(28, 32, 34)
@pytest.mark.parametrize(
    "person",
    [pytest.param(one, id=str(one), marks=[] if one in AT_EACH_CHANGE else pytest.mark.slow) for one in PEOPLE],
)
def test_everybody_gets_at_every_address_what_its_page_declares(world: World, person: Person) -> None:
    wrong = []
    for case in (case for case in cases() if case.person == person):
        sent = len(world.sandbox.ledger.entries())
        with written() as changes:
            response = world.ask(case)
        complaints = [
            "" if meant(case, response) else f"{response.status_code} instead of {case.expected}",
            amiss(case, changes),
            "sent" * (case.changes_nothing and len(world.sandbox.ledger.entries()) > sent),
        ]
        wrong += [f"{case}: {complaint}" for complaint in complaints if complaint]
    assert not wrong, "\n".join([*wrong[:SHOWN], f"{len(wrong)} in all"])


@pytest.mark.django_db  # what only owners reach depends on the mailbox that the installation sends by
def test_the_matrix_spans_every_route_and_everybody() -> None:
    sys.stdout.write(counted(cases()))
    assert {case.route.name for case in cases()} == {route.name for route in routes()} > {"overview", "mailbox-edit"}
    assert len(cases()) > 5000


def test_every_page_declares_who_may_come_and_says_whose_row_it_shows() -> None:
    assert unguarded() == []
    for route in routes():
        if route.declaration and route.declaration.of:
            scope_of(route.declaration.of)


@override_settings(ROOT_URLCONF=UNGUARDED)
def test_a_page_that_declares_nothing_is_found_and_lets_nobody_in(signed_in: Client) -> None:
    assert unguarded(UNGUARDED) == [
        "forgotten declares no access",
        "nameless/ declares no access",
        "careless has a row in its address and does not say of which model",
    ]
    assert signed_in.get("/forgotten/").status_code == 403


@pytest.mark.control(28)
@pytest.mark.parametrize("person", [CUSTOMER_S, pytest.param(Person(), marks=pytest.mark.slow)], ids=str)
def test_what_is_another_customer_s_is_answered_like_what_is_nobody_s(world: World, person: Person) -> None:
    """By the same words, headers and number of questions, so that not even the time it takes tells."""
    told_apart = []
    for case in cases():
        if case.whose != Whose.FOREIGN or case.person != person:
            continue
        # What a process asks once a minute may fall to one of the two: not again at the second time.
        if are_told_apart(world, case) and are_told_apart(world, case):
            told_apart.append(str(case))
    assert told_apart == []


def are_told_apart(world: World, case: Case) -> bool:
    seen = []
    for whose in (Whose.FOREIGN, Whose.ABSENT):
        # Refusals are counted, and left off the record from some number on.
        ThrottleCounter.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            response = world.ask(replace(case, whose=whose))
        seen.append((answered(response), len(queries)))
    return seen[0] != seen[1]


@pytest.mark.control(33)
@pytest.mark.parametrize("change", ["taken", "lowered", "locked out"])
def test_a_role_that_changes_counts_from_the_next_request_on(world: World, change: str) -> None:
    client = world.clients[CUSTOMER_S]
    user = User.objects.get(pk=client.session["_auth_user_id"])
    page = reverse("mailbox-edit", args=[world.own.mailbox.pk])
    assert client.get(page).status_code == 200
    held = Membership.objects.filter(user=user)
    match change:
        case "taken":
            held.delete()
        case "lowered":
            held.update(role=Role.VIEWER)
        case "locked out":
            User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(page).status_code == {"taken": 404, "lowered": 403, "locked out": 302}[change]


@pytest.mark.control(28)
def test_every_model_that_an_address_reaches_says_of_which_tenant_its_rows_are() -> None:
    """Or it is a person's own, and its pages ask for that person's alone."""
    personal = {route.model for route in routes() if route.declaration and route.declaration.read_right is None}
    personal |= {"PendingImport", "BulkJob"}  # a user's own; its pages take a right in all tenants besides
    reached = {route.model for route in routes() if route.has_row} - personal
    models = {model.__name__: model for model in apps.get_models()}
    for name in reached:
        scope_of(models[name])
    assert {"Tenant", "Mailbox", "Delivery", "Channel"} <= reached
