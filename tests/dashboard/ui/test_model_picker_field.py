"""Choosing a row: from a list while it is short, by its name or ID once it would be endless."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.dashboard.ui.model_picker_field import MOST_LISTED
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from tests.factories import Rows

ADD = "mailbox-add"


@pytest.fixture
def many(rows: Rows) -> Tenant:
    tenant = rows.tenant("Northpark")
    AppRegistration.objects.bulk_create(
        AppRegistration(tenant=tenant, name=f"relay {number}", client_id=str(uuid4()))
        for number in range(MOST_LISTED + 1)
    )
    return tenant


def add(client: Client, app: str, **fields: str) -> str:
    """What the form says, or nothing once the mailbox is there."""
    form = {"address": "alarms@x.example", "app": app, "transport": "graph", "tenant": "", **fields}
    response = client.post(reverse(ADD), form)
    return response.content.decode()


def test_a_short_list_is_a_list(signed_in: Client, rows: Rows) -> None:
    app = rows.app(rows.tenant("Northpark"), "relay")
    page = signed_in.get(reverse(ADD)).content.decode()
    assert f'<option value="{app.pk}">relay (Northpark)</option>' in page
    assert add(signed_in, str(app.pk)) == ""
    assert Mailbox.objects.get().app == app


def test_an_endless_list_is_a_field_to_type_into(signed_in: Client, many: Tenant) -> None:
    page = signed_in.get(reverse(ADD)).content.decode()
    assert "relay 7" not in page
    assert "Its name, or its ID." in page
    assert add(signed_in, "relay 7") == ""
    assert str(Mailbox.objects.get().app) == "relay 7"


@pytest.mark.postgresql
@pytest.mark.parametrize("written", ["Émile à Liège", "emile a liege", "ÉMILE À LIÈGE", "E\u0301mile à Liège"])
def test_a_name_is_found_without_regard_to_case_and_accents(
    signed_in: Client, rows: Rows, many: Tenant, written: str
) -> None:
    app = rows.app(many, "Émile à Liège")
    rows.app(many, "Émile à Liège 2")
    assert add(signed_in, written) == ""
    assert Mailbox.objects.get().app == app


def test_the_name_as_it_is_written_counts_more(signed_in: Client, rows: Rows, many: Tenant) -> None:
    app = rows.app(many, "Relay Nord")
    rows.app(many, "RELAY NORD")
    assert "Several have the name “relay nord”." in add(signed_in, "relay nord")
    assert add(signed_in, "Relay Nord") == ""
    assert Mailbox.objects.get().app == app


@pytest.mark.postgresql
def test_a_list_is_in_the_order_of_a_reader(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant("Northpark")
    for name in ("Zoe", "eve", "Élodie", "Œuvre", "Ålesund", "Oslo", "ben"):
        rows.app(tenant, name)
    field = signed_in.get(reverse(ADD)).context["form"].fields["app"]
    shown = [str(label).partition(" (")[0] for value, label in field.choices if value]
    assert shown == ["Ålesund", "ben", "Élodie", "eve", "Œuvre", "Oslo", "Zoe"]


@pytest.mark.parametrize("written", ["{}", " {} ", "{{{}}}"])
def test_an_id_is_taken_as_it_was_copied(signed_in: Client, many: Tenant, written: str) -> None:
    app = AppRegistration.objects.all()[5]
    assert add(signed_in, written.format(app.client_id.upper())) == ""
    assert Mailbox.objects.get().app == app


def test_an_unknown_name_and_one_that_several_bear_are_told_apart(signed_in: Client, rows: Rows, many: Tenant) -> None:
    rows.app(many, "relay 7")
    assert "“relay x” was not found." in add(signed_in, "relay x")
    assert "Several have the name “relay 7”." in add(signed_in, "relay 7")
    assert "“1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed” was not found." in add(
        signed_in, "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
    )
    assert "This field is required." in add(signed_in, "  ")
    assert not Mailbox.objects.exists()


def test_what_was_chosen_is_shown_by_its_id_and_stays(signed_in: Client, many: Tenant) -> None:
    app = AppRegistration.objects.all()[5]
    asked = signed_in.get(f"{reverse(ADD)}?app={app.pk}").content.decode()
    assert f'value="{app.client_id}"' in asked
    mailbox = Mailbox.objects.create(tenant=many, app=app, address="alarms@x.example", transport="graph")
    url = reverse("mailbox-edit", args=[mailbox.pk])
    assert f'value="{app.client_id}"' in signed_in.get(url).content.decode()
    form = {"address": "alarms@x.example", "app": app.client_id, "transport": "ews", "tenant": str(many.pk)}
    assert signed_in.post(url, form).status_code == 302
    mailbox.refresh_from_db()
    assert (mailbox.app, mailbox.transport) == (app, "ews")


def test_what_was_typed_stands_there_again_beside_the_mistake(signed_in: Client, many: Tenant) -> None:
    page = add(signed_in, "relay x<b>")
    assert 'value="relay x&lt;b&gt;"' in page
    assert "<b>" not in page


def test_a_tenant_with_one_app_proposes_it(signed_in: Client, rows: Rows) -> None:
    app = rows.app(rows.tenant("Northpark"), "relay")
    page = signed_in.get(f"{reverse(ADD)}?tenant={app.tenant_id}").content.decode()
    assert f'<option value="{app.pk}" selected>' in page
    assert f'<option value="{app.tenant_id}" selected>' in page
    rows.app(app.tenant, "other")
    assert (
        f'<option value="{app.pk}" selected>'
        not in signed_in.get(f"{reverse(ADD)}?tenant={app.tenant_id}").content.decode()
    )
