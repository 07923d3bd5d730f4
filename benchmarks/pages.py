"""Pages of many secrets against those of few, through the whole stack: session, sign-in, middleware, template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alertadmin.accounts.models import User
from alertadmin.dashboard.ui.keyset_pagination import Keyset
from alertadmin.dashboard.ui.tables import PAGE, Column
from alertadmin.registry.models import AppRegistration, Credential, Tenant
from benchmarks.installation import Stand
from benchmarks.report import Aim, ReportRow
from benchmarks.sizes import Effort
from benchmarks.timing import Side, Times, interleaved

GROWS = Aim(ratio_at_most=1.2, queries_at_most=8)
REPEATS = 3
"""Factor of repeats: a page takes milliseconds, and so do disturbances."""


@dataclass(frozen=True)
class MeasuredPage:
    """A page to request. `deep` continues in the middle of the list."""

    name: str
    path: str
    model: type[Model] | None = None
    column: Column | None = None
    query: str = ""
    aim: Aim = GROWS

    def address(self) -> str:
        asked = {"sort": self.column.field} if self.column else {}
        if self.model and self.column:
            asked["after"] = _middle(self.model, self.column)
        if self.query:
            asked["q"] = self.query
        return f"{self.path}?{urlencode(asked)}" if asked else self.path


def pages(stand: Stand, effort: Effort) -> list[ReportRow]:
    few, many = effort.sizes[0], effort.sizes[-1]
    return [_compared(stand, effort, page, few, many) for page in _pages()]


def _pages() -> list[MeasuredPage]:
    from django.utils import timezone

    from alertadmin.dashboard.apps.views import LISTING as APPS
    from alertadmin.dashboard.credentials.table import credentials_table
    from alertadmin.dashboard.tenants.views import LISTING as TENANTS

    lists: list[tuple[str, str, type[Model], Sequence[Column]]] = [
        ("secrets", "/secrets/", Credential, credentials_table(timezone.now()).columns),
        ("apps", "/apps/", AppRegistration, APPS.columns),
        ("tenants", "/tenants/", Tenant, TENANTS.columns),
    ]
    found = []
    for name, path, model, columns in lists:
        found.append(MeasuredPage(f"{name}, first page", path))
        found += [
            MeasuredPage(f"{name}, deep page by {str(column.label).lower()}", path, model, column)
            for column in columns
            if column.field
        ]
        found.append(MeasuredPage(f"{name}, searched", path, query="Northpark Energy", aim=Aim(seconds_at_most=0.1)))
    return [*found, MeasuredPage("overview", "/", aim=Aim(seconds_at_most=0.2, queries_at_most=25))]


def _compared(stand: Stand, effort: Effort, page: MeasuredPage, few: int, many: int) -> ReportRow:
    sides, queries = [], []
    for secrets in (many, few):
        stand.filled(secrets)
        client, address = _signed_in(), page.address()
        get = partial(_get, client, address)
        get()
        with CaptureQueriesContext(connection) as captured:
            get()
        queries.append(len(captured))
        sides.append(Side(get, before=partial(stand.filled, secrets)))
    times: Times = interleaved(sides[0], sides[1], effort.repeats * REPEATS)
    return ReportRow(
        f"page of {PAGE}: {page.name}, of {many:,}",
        f"the same of {few:,}",
        times,
        page.aim,
        queries=(queries[1], queries[0]),
    )


def _signed_in() -> Client:
    user = User.objects.first() or User.objects.create_superuser("ada@northpark.example", "a long password, once")
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


def _get(client: Client, address: str) -> None:
    response = client.get(address)
    if response.status_code != 200:
        raise AssertionError(f"{address} answers {response.status_code}")


def _middle(model: type[Model], column: Column) -> str:
    keys = (column.field, *column.ties, "pk")
    rows: Any = model._default_manager.order_by(*keys)
    return Keyset(rows, keys, descending=False).cursor(rows[rows.count() // 2])
