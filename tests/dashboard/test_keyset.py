"""Paging by key costs the same however long the list: each page is sought in an index (its order: test_paging)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from alertadmin.dashboard.apps.views import LISTING as APPS
from alertadmin.dashboard.credentials.table import credentials_table
from alertadmin.dashboard.tenants.views import LISTING as TENANTS
from alertadmin.dashboard.ui.tables import PAGE, Page, Table
from alertadmin.registry.models import AppRegistration, Credential, Tenant
from tests.conftest import NOW
from tests.factories import Rows

LISTS: list[tuple[Table, type[Model]]] = [
    (credentials_table(NOW), Credential),
    (APPS, AppRegistration),
    (TENANTS, Tenant),
]
SORTS = [
    pytest.param(*one, way + column.field, id=f"{one[1].__name__} {way}{column.field}")
    for one in LISTS
    for column in one[0].columns
    if column.field
    for way in ("", "-")
]


@pytest.fixture
def many(rows: Rows) -> None:
    """Three tenants and more rows than two pages hold, most of which share their name, description or end."""
    tenants = [rows.tenant(name, domain=f"{name}.example".lower()) for name in ("North", "north", "South")]
    for number in range(2 * PAGE + 3):
        app = rows.app(tenants[number % 3], name=("ALERT", "alert", "Éole")[number % 3])
        rows.credential(app, days=number // 10, description=("", "a", "B")[number % 2])
        rows.tenant("Twin", domain="twin.example")


@pytest.mark.parametrize(("lists", "model", "sort"), SORTS)
def test_the_database_seeks_the_next_page_in_an_index_and_sorts_nothing(
    many: None, lists: Table, model: type[Model], sort: str
) -> None:
    """But those few rows that tie in all that the index holds."""
    first = turned(lists, model._default_manager.all(), f"sort={sort}")
    with CaptureQueriesContext(connection) as captured:
        turned(lists, model._default_manager.all(), first.next_query)
    with connection.cursor() as cursor:
        # Not the query that counts the rows, which ends at 10,000.
        queries = [one["sql"] for one in captured.captured_queries if not one["sql"].startswith("SELECT COUNT")]
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[-1]}")
        plan = [str(step[-1]) for step in cursor.fetchall()]
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan
    assert "SEARCH" in plan[0], plan


def turned(lists: Table, found: QuerySet[Model], query: str) -> Page:
    request = RequestFactory().get("/", QueryDict(query).dict())
    return lists.page(request, found)
