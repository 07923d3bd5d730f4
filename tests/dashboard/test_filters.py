"""Each way to narrow a list: by the end, by the state, by what lacks consent, by what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Consent, Mailbox
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.postgresql


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def listed(client: Client, name: str, query: str) -> set[str]:
    return {str(row) for row in client.get(f"{reverse(name)}?{query}").context["page"].rows}


@pytest.fixture
def secrets(rows: Rows) -> None:
    # The viewer's zone is Europe/Paris: March 2027 begins there an hour before it does in UTC.
    for days in (-400, -1, 0, 1, 7, 8, 30, 31, 89, 91):
        rows.credential(days=days, description=f"{days} days")
    rows.credential(description="last of February", expires_at=datetime(2027, 2, 28, 22, 59, 59, tzinfo=UTC))
    rows.credential(description="first of March", expires_at=datetime(2027, 2, 28, 23, 0, tzinfo=UTC))
    rows.credential(description="last of March", expires_at=datetime(2027, 3, 31, 21, 59, 59, tzinfo=UTC))
    rows.credential(description="first of April", expires_at=datetime(2027, 3, 31, 22, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("expired", {"-400 days", "-1 days", "0 days"}),
        ("7", {"-400 days", "-1 days", "0 days", "1 days", "7 days"}),
        ("30", {"-400 days", "-1 days", "0 days", "1 days", "7 days", "8 days", "30 days"}),
        ("2027-03", {"first of March", "last of March"}),
        # Of the month we are in, only what is still to come: the bar of the overview counts the same.
        ("2026-11", {"1 days", "7 days"}),
    ],
)
def test_secrets_are_listed_by_their_end(signed_in: Client, secrets: None, chosen: str, found: set[str]) -> None:
    assert listed(signed_in, "credentials", f"ends={chosen}") == found


def test_watched_secrets_are_those_in_use_or_waiting(signed_in: Client, rows: Rows) -> None:
    app = rows.app()
    for state in ("current", "next", "retired"):
        rows.credential(app, state=state, description=state)
    assert listed(signed_in, "credentials", "state=watched") == {"current", "next"}
    assert listed(signed_in, "credentials", "state=next") == {"next"}
    assert listed(signed_in, "credentials", "state=watched&q=curr") == {"current"}


def test_what_is_not_granted_is_what_is_not_in_the_token_and_what_failed(signed_in: Client, rows: Rows) -> None:
    for status in ("granted", "not_in_token", "error", "unknown"):
        app = rows.app(name=status)
        Consent.objects.create(app=app, tenant=app.tenant, permission="Mail.Send", status=status)
    found = signed_in.get(f"{reverse('consents')}?status=missing").context["page"].rows
    assert {consent.status for consent in found} == {"not_in_token", "error"}
    assert len(signed_in.get(f"{reverse('consents')}?status=unknown").context["page"].rows) == 1


def test_deliveries_are_listed_by_how_they_stand(signed_in: Client, db: None) -> None:
    for state in ("pending", "sending", "sent", "uncertain", "failed", "cancelled"):
        Delivery.objects.create(purpose="reminder", dedupe_key=state, recipient=f"{state}@x.example", state=state)
    assert listed(signed_in, "deliveries", "state=open") == {
        "Reminder: pending@x.example",
        "Reminder: sending@x.example",
        "Reminder: uncertain@x.example",
    }
    assert listed(signed_in, "deliveries", "state=wrong") == {
        "Reminder: uncertain@x.example",
        "Reminder: failed@x.example",
    }
    assert listed(signed_in, "deliveries", "state=sent&purpose=reminder") == {"Reminder: sent@x.example"}
    assert listed(signed_in, "deliveries", "purpose=test") == set()


def test_an_exchange_server_on_premises_is_no_way_of_exchange_online(signed_in: Client, rows: Rows) -> None:
    app = rows.app()
    for address, transport in (("g@x.example", "graph"), ("e@x.example", "ews")):
        Mailbox.objects.create(tenant=app.tenant, app=app, address=address, transport=transport)
    Mailbox.objects.create(tenant=app.tenant, address="p@x.example", transport="ews", server="plant")
    assert listed(signed_in, "mailboxes", "way=ews") == {"e@x.example"}
    assert listed(signed_in, "mailboxes", "way=on_premises") == {"p@x.example"}


def test_a_search_finds_what_names_it_and_stays_while_one_pages(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant("Harbour")
    for number in range(60):
        rows.app(tenant, f"relay {number:02}")
    rows.app(tenant, "other")
    first = signed_in.get(f"{reverse('apps')}?q=RELAY").context["page"]
    assert len(first.rows) == 50
    second = signed_in.get(f"{reverse('apps')}?{first.next_query}").context["page"]
    assert [str(row) for row in second.rows] == [f"relay {number}" for number in range(50, 60)]
    assert second.search == "RELAY"
    assert listed(signed_in, "apps", f"q={tenant.apps.first().client_id}") == {"other"}  # type: ignore[union-attr]


def test_an_end_within_days_counts_from_this_very_moment(signed_in: Client, rows: Rows) -> None:
    rows.credential(description="just within", expires_at=NOW + timedelta(days=7))
    rows.credential(description="just beyond", expires_at=NOW + timedelta(days=7, seconds=1))
    assert listed(signed_in, "credentials", "ends=7") == {"just within"}
