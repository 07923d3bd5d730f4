"""The list of consents: one row an app and tenant, its permissions as columns; one a permission on request."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.registry.models import Consent
from tests.factories import Rows

pytestmark = pytest.mark.postgresql


def consents(rows: Rows, name: str, **statuses: str) -> None:
    app = rows.app(rows.tenant(name), "ALERT")
    for permission, status in statuses.items():
        Consent.objects.create(app=app, tenant=app.tenant, permission=permission.replace("_", "."), status=status)


@pytest.fixture
def shown(rows: Rows) -> None:
    consents(rows, "Both", Mail_Send="granted", SMTP_SendAsApp="not_in_token")
    consents(rows, "Fine", Mail_Send="granted")
    consents(rows, "Unchecked", Mail_Send="unknown", SMTP_SendAsApp="granted")
    consents(rows, "Unreachable", Mail_Send="error")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Both", "Fine", "Unchecked", "Unreachable"]),
        ("status=missing", ["Both", "Unreachable"]),
        ("status=not_in_token", ["Both"]),
        ("status=error", ["Unreachable"]),
        ("status=unknown", ["Unchecked"]),
        ("status=granted", ["Fine"]),
        ("permission=SMTP.SendAsApp", ["Both", "Unchecked"]),
        ("sort=-tenant__name", ["Unreachable", "Unchecked", "Fine", "Both"]),
    ],
)
def test_each_app_and_tenant_is_one_row(signed_in: Client, shown: None, query: str, found: list[str]) -> None:
    page = signed_in.get(f"{reverse('consents')}?{query}").context["page"]
    assert [row.tenant.name for row in page.rows] == found


def test_each_permission_is_a_column_and_its_worst_status_is_acted_on(signed_in: Client, shown: None) -> None:
    page = signed_in.get(reverse("consents")).context["page"]
    names = [column.name for column in page.columns]
    assert names == ["tenant__name", "app__name", "Mail.Send", "SMTP.SendAsApp", "checked", "actions"]
    cells = {row.tenant.name: [one.status if one else None for _permission, one in row.cells] for row in page.rows}
    assert cells["Both"] == ["granted", "not_in_token"]
    assert cells["Fine"] == ["granted", None]
    assert {row.tenant.name: row.pair.worst.status for row in page.rows} == {
        "Both": "not_in_token",
        "Fine": "granted",
        "Unchecked": "unknown",
        "Unreachable": "error",
    }


def test_one_row_a_permission_stays_reachable(signed_in: Client, shown: None) -> None:
    response = signed_in.get(f"{reverse('consents')}?rows=permission&status=granted")
    assert len(response.context["page"].rows) == 3
    assert 'name="rows" value="permission"' in response.content.decode()
