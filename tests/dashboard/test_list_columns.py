"""What the lists tell about each row: columns, their headings on a phone, counts, and the filters for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from alertadmin.dashboard.ui import tables
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Consent, Mailbox, Tenant
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.postgresql
LISTS = (
    *("tenants", "apps", "credentials", "mailboxes", "consents", "channels", "deliveries", "members", "audit"),
    "leaving-ews",
)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def mailbox(app: AppRegistration, address: str, **fields: str) -> Mailbox:
    return Mailbox.objects.create(app=app, tenant=app.tenant, address=address, **{"transport": "graph", **fields})


def add_test(box: Mailbox, state: str, days_ago: int) -> None:
    at = NOW - timedelta(days=days_ago)
    Delivery.objects.create(
        purpose="test", dedupe_key=f"{box.pk} {days_ago}", recipient="a@x.example", mailbox=box, state=state,
        created_at=at,
    )  # fmt: skip


@pytest.fixture
def customer(rows: Rows) -> Tenant:
    """One with everything: two apps with their consents, secrets that expire, mailboxes that were tested."""
    tenant = rows.tenant(
        "Northpark", contacts=["b@x.example", "a@x.example", "c@x.example"], domain="northpark.example"
    )
    for number, (status, days) in enumerate([("not_in_token", 10), ("error", 200)]):
        app = rows.app(tenant, f"App {number}", owner=f"Team {number}")
        rows.credential(app, days=days)
        Consent.objects.create(app=app, tenant=tenant, permission="Mail.Send", status=status)
        Consent.objects.create(app=app, tenant=tenant, permission="User.Read.All", status="granted")
        box = mailbox(app, f"box{number}@northpark.example", transport="ews")
        add_test(box, "failed", days_ago=3 + number)
        add_test(box, "sent", days_ago=2 + number)
    return tenant


def rows_of(client: Client, name: str, query: str = "") -> list[str]:
    return [str(row) for row in client.get(f"{reverse(name)}?{query}").context["page"].rows]


def test_a_tenant_shows_what_expires_consent_last_test_owners_and_what_is_to_be_done(
    signed_in: Client, customer: Tenant, rows: Rows
) -> None:
    rows.tenant("Zeta")
    shown, empty = (row.facts for row in signed_in.get(reverse("tenants")).context["page"].rows)
    assert shown.next_expiry.expires_at == NOW + timedelta(days=10)
    assert (shown.consent.status, shown.consent.count, shown.consent.total) == ("not_in_token", 1, 4)
    assert (shown.last_test.state, shown.last_test.at) == ("sent", NOW - timedelta(days=2))
    assert (shown.owners, shown.contacts[0], shown.hidden_count) == (["Team 0", "Team 1"], "a@x.example", 1)
    assert shown.open_actions == 3
    assert (empty.next_expiry, empty.consent, empty.last_test, empty.open_actions) == (None, None, None, 0)


def test_what_could_not_be_checked_is_not_called_missing(signed_in: Client, rows: Rows) -> None:
    for status in ("error", "unknown"):
        app = rows.app(name=status)
        Consent.objects.create(app=app, tenant=app.tenant, permission="Mail.Send", status=status)
    for row in signed_in.get(reverse("apps")).context["page"].rows:
        assert row.facts.consent.status == row.name
    assert rows_of(signed_in, "apps", "consent=not_in_token") == []
    assert rows_of(signed_in, "apps", "consent=error") == ["error"]
    assert rows_of(signed_in, "apps", "consent=granted") == []


@pytest.mark.parametrize(
    ("name", "query", "found"),
    [
        ("apps", "ends=30", ["App 0"]),
        ("apps", "ends=none", ["None"]),
        ("apps", "consent=granted", []),
        ("tenants", "ends=30", ["Northpark"]),
        ("tenants", "consent=error", ["Northpark"]),
        ("tenants", "ends=7", []),
    ],
)
def test_lists_are_narrowed_by_expiry_and_consent(
    signed_in: Client, customer: Tenant, rows: Rows, name: str, query: str, found: list[str]
) -> None:
    without = rows.app(rows.tenant("Other"), "None")
    rows.credential(without, days=5, state="retired")
    assert rows_of(signed_in, name, query) == found


@pytest.mark.parametrize("name", LISTS)
def test_each_cell_names_its_column_on_a_phone(signed_in: Client, customer: Tenant, name: str) -> None:
    """Only the cell that names the row and the one of its actions have no label."""
    page = signed_in.get(reverse(name)).content.decode()
    cells = re.findall(r"<td[^>]*>", page)
    assert cells or name == "channels"
    bare = [cell for cell in cells if "data-label=" not in cell and not re.search("lead-cell|end|select", cell)]
    assert bare == []


def test_columns_are_chosen_in_the_address_and_kept_by_sort_and_search(signed_in: Client, customer: Tenant) -> None:
    response = signed_in.get(f"{reverse('tenants')}?columns=domain&columns=directory_id&columns=made-up&q=north")
    page = response.context["page"]
    assert [column.name for column in page.columns] == ["name", "domain", "directory_id"]
    text = response.content.decode()
    assert text.count("<td") == 4  # with the check box
    assert 'name="columns" value="domain"' in text
    assert "columns=domain&amp;columns=directory_id" in text
    everything = signed_in.get(f"{reverse('tenants')}?columns=made-up").context["page"]
    assert "directory_id" not in [column.name for column in everything.columns]


def test_rows_are_counted_up_to_a_limit(signed_in: Client, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = rows.tenant()
    AppRegistration.objects.bulk_create(
        AppRegistration(tenant=tenant, name=f"App {number:03}", client_id=str(uuid4())) for number in range(60)
    )
    assert "60 entries" in signed_in.get(reverse("apps")).content.decode()
    assert "10 of 60 entries" in signed_in.get(f"{reverse('apps')}?q=App 01").content.decode()
    monkeypatch.setattr(tables, "MOST_COUNTED", 55)
    assert signed_in.get(reverse("apps")).context["page"].count == 56


def test_failing_mailboxes_are_listed(signed_in: Client, customer: Tenant) -> None:
    assert rows_of(signed_in, "mailboxes", "works=failing") == []
    box = Mailbox.objects.get(address="box0@northpark.example")
    sent = Delivery.objects.filter(mailbox=box).first()
    assert sent is not None
    sent.attempts.create(
        number=1, owner=sent.pk, mailbox=box, transport="ews", started_at=NOW, outcome="refused", cause="throttled"
    )
    assert rows_of(signed_in, "mailboxes", "works=failing") == []
    sent.attempts.create(
        number=2, owner=sent.pk, mailbox=box, transport="ews", started_at=NOW + timedelta(minutes=1),
        outcome="refused", cause="ews_blocked",
    )  # fmt: skip
    assert rows_of(signed_in, "mailboxes", "works=failing") == ["box0@northpark.example"]
