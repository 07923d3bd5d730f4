"""Lists are paged by key: each row is on one page, in order, with any ties and any start."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alertadmin.dashboard.apps import views as apps
from alertadmin.dashboard.consents import pairs
from alertadmin.dashboard.consents import views as consents
from alertadmin.dashboard.credentials.table import credentials_table as credentials
from alertadmin.dashboard.deliveries import views as deliveries
from alertadmin.dashboard.mailboxes import views as mailboxes
from alertadmin.dashboard.tenants import views as tenants
from alertadmin.dashboard.ui import tables
from alertadmin.dashboard.ui.tables import Page, Table
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Consent, Credential, Mailbox, Tenant
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.postgresql

SIZE = 3
NAMES = ("", "a", "A", "b", "é", "Ω", "a b", "%", '"')


@dataclass(frozen=True)
class List:
    """A list, its rows, and how to make one of a name and a number: both come again, so that rows tie."""

    listing: Table
    rows: Callable[[], QuerySet[Any]]
    make: Callable[[Rows, str, int], object]
    kept: str
    """A filter that all rows pass."""


def tenant(rows: Rows, name: str, number: int) -> Tenant:
    return rows.tenant(name, domain=NAMES[number])


def app(rows: Rows, name: str, number: int) -> AppRegistration:
    return rows.app(shared_tenant(rows, number), name)


def shared_tenant(rows: Rows, number: int) -> Tenant:
    """One of few, some of which bear the same name."""
    known = Tenant.objects.filter(domain=str(number)).first()
    return known or rows.tenant(NAMES[number // 2], domain=str(number))


def credential(rows: Rows, name: str, number: int) -> Credential:
    return rows.credential(app(rows, name, number), days=number // 2, description=name)


def mailbox(rows: Rows, name: str, number: int) -> Mailbox:
    made = app(rows, name, number)
    return Mailbox.objects.create(app=made, tenant=made.tenant, address=f"box{number}@x.example", transport="graph")


def consent(rows: Rows, name: str, number: int) -> Consent:
    made = app(rows, name, number)
    return Consent.objects.create(app=made, tenant=made.tenant, permission="Mail.Send", status="granted")


def delivery(rows: Rows, name: str, number: int) -> Delivery:
    return Delivery.objects.create(
        purpose="reminder",
        dedupe_key=str(Delivery.objects.count()),
        recipient=f"{ord((name or '-')[0])}@x.example",
        created_at=NOW + timedelta(hours=number // 2),
    )


LISTS = {
    "tenants": List(tenants.LISTING, Tenant.objects.all, tenant, "q="),
    "apps": List(apps.LISTING, AppRegistration.objects.all, app, "audience=AzureADMyOrg"),
    "credentials": List(credentials(NOW), Credential.objects.all, credential, "state=watched"),
    "mailboxes": List(mailboxes.LISTING, Mailbox.objects.all, mailbox, "way=graph"),
    "consents": List(consents.LISTING, Consent.objects.all, consent, "permission=Mail.Send"),
    "pairs": List(
        pairs.TABLE, lambda: pairs.first_of_each_pair(Consent.objects.all()), consent, "permission=Mail.Send"
    ),
    "deliveries": List(deliveries.LISTING, Delivery.objects.all, delivery, "purpose=reminder"),
}
SORTS = [
    pytest.param(name, f"{direction}{column.field}", id=f"{name} {direction}{column.field}")
    for name, one in LISTS.items()
    for column in one.listing.columns
    if column.field
    for direction in ("", "-")
]


def page_of(one: List, query: str) -> Page:
    return one.listing.page(RequestFactory().get(f"/?{query}"), one.rows())


def walked(one: List, query: str, way: str) -> list[Page]:
    """The page of `query`, and those that its links lead to, one after the other."""
    pages = [page_of(one, query)]
    while query := getattr(pages[-1], way):
        pages.append(page_of(one, query))
        assert len(pages) < 50
    return pages


def ids(pages: list[Page]) -> list[object]:
    return [row.pk for page in pages for row in page.rows]


@pytest.mark.parametrize(("name", "sort"), SORTS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 5)), min_size=1, max_size=11))
@example(made=[("a", 1)] * (2 * SIZE))
def test_walking_there_and_back_meets_each_row_once_and_in_order(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, name: str, sort: str, made: list[tuple[str, int]]
) -> None:
    monkeypatch.setattr(tables, "PAGE", SIZE)
    one = LISTS[name]
    with transaction.atomic():
        for row in made:
            one.make(rows, *row)
        there = walked(one, f"sort={sort}&{one.kept}", "next_query")
        field = sort.removeprefix("-")
        values = list(one.rows().order_by(sort).values_list(field, flat=True))
        assert [walk(row, field) for page in there for row in page.rows] == values
        assert len(set(ids(there))) == len(values) == one.rows().count()
        assert [page.is_first for page in there] == [True] + [False] * (len(there) - 1)
        assert not there[-1].next_query
        back = walked(one, there[-1].previous_query or f"sort={sort}", "previous_query") if len(there) > 1 else []
        assert ids(back[::-1]) == ids(there)[: len(ids(back))]
        assert len(ids(back)) == len(ids(there[:-1]))
        links = [QueryDict(page.next_query) for page in there[:-1]]
        assert all(link["sort"] == sort and link.urlencode().startswith(f"sort={sort}&{one.kept}") for link in links)
        transaction.set_rollback(True)


def walk(row: Model, path: str) -> object:
    found: Any = row
    for part in path.split("__"):
        found = getattr(found, part)
    return found


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


UUID = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
MADE_UP = {
    "rubbish": "rubbish",
    "not ASCII": "é" * 9,
    "nothing": cursor(),
    "no time": cursor("x", UUID),
    "too early": cursor("0001-01-01T00:00:00+14:00", UUID),
    "too late": cursor("9999-12-31T23:59:59-14:00", UUID),
    "no offset": cursor("2026-11-23T08:00:00", UUID),
    "a day": cursor("2026-11-23", UUID),
    "no id": cursor("2026-11-23T08:00:00+00:00", "x"),
    "too few": cursor("2026-11-23T08:00:00+00:00"),
    "a number": cursor(1, UUID),
    "nested": base64.urlsafe_b64encode(b"[" * 2900).decode(),
}
MADE_UP_OF_A_NAME = {
    "NUL": cursor("\0", UUID),
    "half a pair": cursor("\ud800", UUID),
    "null": cursor(None, UUID),
    "a list": cursor(["x"], UUID),
    "no id": cursor("x", "x"),
}


@pytest.mark.parametrize(
    ("sort", "made_up"),
    [pytest.param("expires_at", text, id=name) for name, text in MADE_UP.items()]
    + [pytest.param("description", text, id=f"name: {name}") for name, text in MADE_UP_OF_A_NAME.items()],
)
def test_a_made_up_cursor_shows_the_first_page(rows: Rows, sort: str, made_up: str) -> None:
    rows.credential()
    for place in ("after", "before"):
        query = QueryDict(mutable=True)
        query.update({"sort": sort, place: made_up})
        page = page_of(LISTS["credentials"], query.urlencode())
        assert page.is_first
        assert len(page.rows) == 1


@pytest.mark.control(53)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.one_of(st.text(), st.datetimes().map(str), st.uuids().map(str), st.integers()), max_size=5),
    name=st.sampled_from(sorted(LISTS)),
    data=st.data(),
)
def test_no_cursor_breaks_a_list(rows: Rows, parts: list[object], name: str, data: st.DataObject) -> None:
    fields = [column.field for column in LISTS[name].listing.columns if column.field]
    query = QueryDict(mutable=True)
    query["sort"] = data.draw(st.sampled_from(fields))
    query[data.draw(st.sampled_from(["after", "before"]))] = data.draw(st.one_of(st.text(), st.just(cursor(*parts))))
    page_of(LISTS[name], query.urlencode())


@pytest.mark.control(53)
def test_a_sort_filter_or_search_that_is_unknown_is_ignored(signed_in: Client, rows: Rows) -> None:
    rows.credential()
    for query in ("sort=value", "sort=-app__tenant__notes", "state=x", "ends=2026-13", "ends=1", "q=%00", "page=9"):
        page = signed_in.get(f"{reverse('credentials')}?{query}").context["page"]
        assert len(page.rows) == 1
        assert page.sort == "expires_at"
        assert not page.is_narrowed
