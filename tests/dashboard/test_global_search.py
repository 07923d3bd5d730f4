"""The search of everything: what a user may see, by name, address or ID."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.dashboard.search.finder import find
from alertadmin.registry.models import Mailbox, Tenant
from tests.factories import Rows
from tests.helpers.access import everything
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.postgresql

KEY_ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def tenant(rows: Rows) -> Tenant:
    tenant = rows.tenant("Élodie & Söhne", domain="elodie.example")
    app = rows.app(tenant, "Pumps <b>")
    rows.credential(app, description="relay 2026", key_id=KEY_ID)
    Mailbox.objects.create(tenant=tenant, app=app, address="alarms@elodie.example")
    return tenant


def answer(client: Client, term: str, **headers: str) -> str:
    page = client.get(reverse("search"), {"q": term}, headers=headers)
    assert page.status_code == 200
    return page.content.decode().partition("<main")[2] or page.content.decode()


def paths(page: str) -> set[str]:
    return {part.partition('"')[0] for part in page.split('href="')[1:]}


@pytest.mark.parametrize(
    ("term", "kind"),
    [
        ("elodie", "tenants"),
        ("SOHNE", "tenants"),
        ("pumps <", "apps"),
        ("relay", "secrets"),
        (f"{{{KEY_ID.upper()}}}", "secrets"),
        (f" “{KEY_ID}” ", "secrets"),
        ("<alarms@elodie.example>", "mailboxes"),
    ],
)
def test_things_are_found_as_people_paste_them(signed_in: Client, tenant: Tenant, term: str, kind: str) -> None:
    page = answer(signed_in, term)
    assert any(path.startswith(f"/{kind}/") and len(path) > 20 for path in paths(page)), page
    assert "<b>" not in page


def test_an_id_of_a_tenant_or_app_leads_to_it(signed_in: Client, tenant: Tenant) -> None:
    app = tenant.apps.get()
    assert tenant.get_absolute_url() in answer(signed_in, tenant.directory_id)
    assert app.get_absolute_url() in answer(signed_in, app.client_id[:13])


def test_users_are_found_by_those_who_manage_them(signed_in: Client, rows: Rows) -> None:
    grace = User.objects.create(email="grace@x.example", name="Grace Hopper")
    assert grace.get_absolute_url() in answer(signed_in, "hopper")
    viewer = User.objects.create(email="viewer@x.example")
    Membership.objects.create(user=viewer, role=Role.VIEWER)
    assert grace.get_absolute_url() not in answer(signed_in_at(Client(), viewer), "hopper")


def test_nothing_of_other_tenants_is_found(rows: Rows, tenant: Tenant, client: Client) -> None:
    user = User.objects.create(email="viewer@x.example")
    Membership.objects.create(user=user, role=Role.VIEWER, tenant=rows.tenant("Mine"))
    signed_in_at(client, user)
    for term in ("elodie", "pumps", "relay", KEY_ID, tenant.directory_id, "alarms"):
        assert "No results." in answer(client, term)


def test_what_begins_with_the_term_comes_first_and_the_rest_is_counted_on(rows: Rows) -> None:
    for number in range(12):
        rows.tenant(f"A{number:02} north")
    rows.tenant("Northern")
    rows.tenant("North")
    [group] = find("north", everything())
    assert [str(hit.row) for hit in group.hits[:2]] == ["North", "Northern"]
    assert len(group.hits) == 6
    assert group.has_more


def test_the_list_in_the_menu_is_links_alone(signed_in: Client, tenant: Tenant) -> None:
    page = signed_in.get(
        reverse("search"), {"q": "elodie"}, headers={"HX-Request": "true", "HX-Target": "jump"}
    ).content.decode()
    assert "<html" not in page
    assert tenant.get_absolute_url() in page


@pytest.mark.parametrize("term", ["", " ", "\0", "%", "_", "'; DROP", "x" * 500, "{}", "ﬀ", "\U0001f600"])
def test_any_term_is_answered(signed_in: Client, tenant: Tenant, term: str) -> None:
    answer(signed_in, term)


def test_few_queries(signed_in: Client, tenant: Tenant) -> None:
    with CaptureQueriesContext(connection) as queries:
        list(find("e", everything()))
    assert len(queries) <= 6
