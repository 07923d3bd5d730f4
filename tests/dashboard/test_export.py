"""Exports have what the list shows, run no formula, and are read back by the import without a change."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditEntry
from alertadmin.dashboard.export.writers import FORMATS
from alertadmin.registry.csv_import import import_registrations
from alertadmin.registry.models import AppRegistration, Contact, Credential, Mailbox, Tenant
from alertadmin.registry.text import escape_formula, unescape_formula
from tests.conftest import NOW
from tests.factories import Rows
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.postgresql

LISTS = ("tenants", "apps", "credentials", "mailboxes")


def downloaded(client: Client, name: str, form: str, query: str = "") -> bytes:
    answer: Any = client.post(reverse("export"), {"list": name, "format": form, "query": query})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].endswith(f'.{form}"')
    return b"".join(answer.streaming_content)


def cells(content: bytes, form: str) -> list[list[str]]:
    """With the header."""
    if form == "csv":
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    if form == "json":
        objects = json.loads(content)
        return [list(objects[0]), *([str(one) for one in row.values()] for row in objects)] if objects else []
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [[str(cell.value or "") for cell in row] for row in book.worksheets[0].iter_rows()]


def installation(rows: Rows) -> None:
    """Two tenants, one with two apps, several secrets and mailboxes; one without any app."""
    north = rows.tenant("North “Ü” & Söhne; Ltd", ["ada@x.example", "Ben@y.example"], time_zone="Europe/Paris")
    rows.tenant("Empty", language="fr")
    app = rows.app(north, "ALERT, prod", owner="ops", permissions=["Mail.Send"])
    rows.credential(app, days=30.1234567, description="main", key_id="11111111-2222-4333-8444-555555555555")
    rows.credential(app, days=60, state="next", description="")
    rows.credential(app, days=90, state="other", description="old, one", kind="certificate")
    rows.credential(app, days=5, state="retired", description="gone")
    for number in range(2):
        Mailbox.objects.create(tenant=north, app=app, address=f"a{number}@x.example", transport="graph")
    rows.credential(rows.app(north, "Second"), expires_at=datetime(2040, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))


def snapshot() -> list[Any]:
    """What an import may change."""
    return [
        sorted(Tenant.objects.values_list("name", "directory_id", "cloud", "time_zone", "language")),
        sorted(Contact.objects.values_list("tenant__directory_id", "email")),
        sorted(AppRegistration.objects.values_list("name", "client_id", "audience", "owner")),
        sorted(
            Credential.objects.exclude(state="retired").values_list(
                "app__client_id", "description", "key_id", "kind", "expires_at"
            )
        ),
        sorted(Mailbox.objects.values_list("app__client_id", "address", "transport")),
    ]


def imported(content: bytes) -> tuple[int, int]:
    result = import_registrations(io.BytesIO(content), now=timezone.now())
    return result.added, result.changed


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", LISTS)
def test_the_import_takes_it_back_without_a_change(rows: Rows, signed_in: Client, name: str, form: str) -> None:
    installation(rows)
    before = snapshot()
    assert imported(downloaded(signed_in, name, form)) == (0, 0)
    assert snapshot() == before


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_installation_gets_it_all_but_secret_values(rows: Rows, signed_in: Client, form: str) -> None:
    installation(rows)
    before, content = snapshot(), downloaded(signed_in, "tenants", form)
    Tenant.objects.all().delete()
    imported(content)
    assert snapshot() == before


names = (
    st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=names, description=names)
@example(name="=cmd|' /C calc'!A0", description="'=1+1")
@example(name="＝1", description="-")
@example(name='a;b,c d"e', description="n/a")
def test_any_name_comes_back(rows: Rows, signed_in: Client, name: str, description: str) -> None:
    with transaction.atomic():
        app = rows.app(rows.tenant(name), name)
        rows.credential(app, description=description)
        before = snapshot()
        for form in FORMATS:
            assert imported(downloaded(signed_in, "credentials", form)) == (0, 0), form
        assert snapshot() == before
        transaction.set_rollback(True)


@given(st.text())
def test_escaping_is_undone(text: str) -> None:
    escaped = escape_formula(text)
    assert unescape_formula(escaped) == text
    assert not escaped.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝"))


@pytest.mark.parametrize("form", FORMATS)
def test_no_cell_is_a_formula(rows: Rows, signed_in: Client, form: str) -> None:
    rows.tenant('=HYPERLINK("https://evil.example")')
    content = downloaded(signed_in, "tenants", form)
    [_header, row] = cells(content, form)
    assert row[0].startswith("'=")
    if form == "xlsx":
        cell = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]["A2"]
        assert cell.data_type == "s"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["consents", "deliveries", "channels", "leaving-ews"])
def test_every_list_has_its_rows(rows: Rows, signed_in: Client, name: str, form: str) -> None:
    from alertadmin.outbox.models import Channel, Delivery
    from alertadmin.registry.models import Consent

    app = rows.app(rows.tenant("North"))
    Mailbox.objects.create(tenant=app.tenant, app=app, address="a@x.example", transport="ews")
    Consent.objects.create(app=app, tenant=app.tenant, permission="Mail.Send", status="error", checked_at=NOW)
    Delivery.objects.create(purpose="test", dedupe_key="k", recipient="a@x.example", subject="=1", state="sent")
    Channel.objects.create(name="ops", service="webhook", label="Webhook", hint="h.example", tenant=app.tenant)
    assert len(cells(downloaded(signed_in, name, form), form)) == 2


def test_filters_and_sort_apply(rows: Rows, signed_in: Client) -> None:
    for name in ("Beta", "Alpha", "Gamma"):
        rows.tenant(name)
    found = cells(downloaded(signed_in, "tenants", "csv", "q=a&sort=-name"), "csv")
    assert [row[0] for row in found[1:]] == ["Gamma", "Beta", "Alpha"]
    assert len(cells(downloaded(signed_in, "tenants", "csv", "q=amm"), "csv")) == 2
    entry = AuditEntry.objects.filter(act="export.done").latest("number")
    assert entry.details == {"kind": "tenants", "format": "csv", "filter": "q=amm"}


def test_french_readers_get_semicolons(rows: Rows, signed_in: Client) -> None:
    rows.tenant()
    signed_in.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    content = downloaded(signed_in, "tenants", "csv")
    assert content.startswith("\ufefftenant_name;directory_id;".encode())
    assert imported(content) == (0, 0)


@pytest.fixture
def of_one_tenant(rows: Rows, client: Client) -> tuple[Client, Tenant]:
    mine, foreign = rows.tenant("Mine"), rows.tenant("Foreign", ["secret@foreign.example"])
    for tenant in (mine, foreign):
        app = rows.app(tenant, f"App of {tenant}")
        rows.credential(app, expires_at=timezone.now() + timedelta(days=3))
        # Each app sends for the other tenant too.
        Mailbox.objects.create(tenant=mine, app=app, address=f"to@{tenant}.example".lower(), transport="ews")
        Mailbox.objects.create(tenant=foreign, app=app, address=f"of@{tenant}.foreign.example".lower())
    user = User.objects.create(email="viewer@x.example")
    Membership.objects.create(user=user, tenant=mine, role=Role.VIEWER)
    return signed_in_at(client, user), mine


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", [*LISTS, "consents", "deliveries", "channels", "leaving-ews", "report"])
def test_nothing_of_other_tenants_is_in_it(of_one_tenant: tuple[Client, Tenant], name: str, form: str) -> None:
    client, _mine = of_one_tenant
    if name == "report":
        answer: Any = client.post(reverse("report"), {"format": "xlsx"})
        book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
        text = str([[cell.value for cell in row] for sheet in book for row in sheet.iter_rows()])
    else:
        text = str(cells(downloaded(client, name, form), form))
    allowed = "to@foreign.example"  # the address of a mailbox of one's own tenant
    assert "oreign" not in text.replace(allowed, "").replace("App of Foreign", "") or name in (
        "mailboxes",
        "leaving-ews",
    )
    assert "secret@foreign.example" not in text


def test_the_report_says_what_expires_and_fails(rows: Rows, signed_in: Client) -> None:
    app = rows.app(rows.tenant("North", ["ada@x.example"]), "ALERT")
    rows.credential(app, expires_at=timezone.now() + timedelta(days=3), description="main")
    answer: Any = signed_in.post(reverse("report"), {"format": "xlsx"})
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    assert book.sheetnames == ["Summary", "Secrets", "Consent", "EWS", "Failing mailboxes"]
    row = [cell.value for cell in list(book["Secrets"].iter_rows())[1]]
    assert row[:3] == ["North", "ALERT", "main"]
    assert isinstance(row[3], datetime)
    assert row[4] in (2, 3)
    assert row[6] == "ada@x.example"


def test_unknown_lists_and_formats_lead_back(signed_in: Client) -> None:
    for data in ({}, {"list": "audit", "format": "csv"}, {"list": "tenants", "format": "exe"}):
        assert signed_in.post(reverse("export"), data).status_code == 302
