"""One app in many tenants: its matrix, and the check of all of them."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alertadmin.dashboard.consents.views import WAITED_FOR
from alertadmin.monitoring import worker_heartbeat
from alertadmin.registry.consent import check_batch
from alertadmin.registry.models import AppRegistration, Consent, ConsentCheckBatch, Mailbox, Tenant
from tests.factories import Rows


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    """Wants two permissions; one tenant granted both, one the first, one knows nothing of it."""
    app = rows.app(rows.tenant("Home"))
    for name, statuses in (
        ("Home", ("granted", "granted")),
        ("Harbour", ("granted", "not_in_token")),
        ("Gone", ("error", "error")),
    ):
        tenant = app.tenant if name == "Home" else rows.tenant(name)
        for permission, status in zip(("Mail.Send", "full_access_as_app"), statuses, strict=True):
            Consent.objects.create(app=app, tenant=tenant, permission=permission, status=status)
    return app


def shown(client: Client, app: AppRegistration, **query: str) -> list[tuple[str, list[str]]]:
    """Each row's tenant, and how each permission stands there."""
    page = client.get(reverse("app-consents", args=[app.pk]), query).context["page"]
    return [(row.name, [consent.status for _permission, consent in row.cells]) for row in page.rows]


def test_a_row_is_a_tenant_and_a_column_a_permission(app: AppRegistration, signed_in: Client, rows: Rows) -> None:
    rows.tenant("Never heard of it")
    assert shown(signed_in, app) == [
        ("Gone", ["error", "error"]),
        ("Harbour", ["granted", "not_in_token"]),
        ("Home", ["granted", "granted"]),
    ]


@pytest.mark.parametrize(
    ("status", "names"), [("missing", ["Gone", "Harbour"]), ("error", ["Gone"]), ("granted", ["Home"]), ("x", None)]
)
def test_it_is_narrowed_to_what_is_not_granted(
    app: AppRegistration, signed_in: Client, status: str, names: list[str] | None
) -> None:
    found = [name for name, _statuses in shown(signed_in, app, status=status)]
    assert found == (names or ["Gone", "Harbour", "Home"])


def test_another_app_s_consents_are_not_among_them(app: AppRegistration, signed_in: Client, rows: Rows) -> None:
    other = rows.app(app.tenant, "Other")
    Consent.objects.create(app=other, tenant=app.tenant, permission="SMTP.SendAsApp", status="error")
    assert shown(signed_in, app)[2] == ("Home", ["granted", "granted"])


def test_it_costs_the_same_whatever_its_length(app: AppRegistration, signed_in: Client, rows: Rows) -> None:
    counts = []
    worker_heartbeat.beat()  # else the page looks at the health of all itself
    # What the first page of a process asks once.
    signed_in.get(reverse("app-consents", args=[app.pk]))
    for more in (0, 60):
        for number in range(more):
            Consent.objects.create(app=app, tenant=rows.tenant(f"T {number}"), permission="Mail.Send")
        with CaptureQueriesContext(connection) as queries:
            page = signed_in.get(reverse("app-consents", args=[app.pk])).context["page"]
        counts.append(len(queries))
    assert len(page.rows) == 50
    assert counts[0] == counts[1] <= 14


def test_check_all_begins_one_run_and_its_panel_counts_by_itself(app: AppRegistration, signed_in: Client) -> None:
    url = reverse("app-consents", args=[app.pk])
    for _click in range(2):
        assert signed_in.post(reverse("app-consents-check", args=[app.pk])).headers["Location"] == url
    run = ConsentCheckBatch.objects.get()
    assert run.by is not None
    note = signed_in.get(url).content.decode()
    assert 'hx-trigger="every 2s"' in note
    # What the click noted as wanted: Mail.Send at home.
    assert "Checking: 0 of 1." in note
    Consent.objects.update(checked_at=timezone.now(), status="granted")
    part = signed_in.get(url, headers={"hx-request": "true", "hx-target": "run"}).content.decode()
    assert "<html" not in part
    assert re.search(r'<progress[^>]*\bvalue="1"\s+max="1"', part)
    ConsentCheckBatch.objects.update(slot=None, finished_at=timezone.now(), total=1, granted=1)
    part = signed_in.get(url, headers={"hx-request": "true", "hx-target": "run"}).content.decode()
    assert "All checked: 1 of 1 are granted." in part
    assert "hx-trigger" not in part


def test_it_is_stopped_by_a_button(app: AppRegistration, signed_in: Client) -> None:
    stop = reverse("app-consents-stop", args=[app.pk])
    assert stop not in signed_in.get(reverse("app-consents", args=[app.pk])).content.decode()
    run = check_batch.start(app, now=timezone.now())
    Consent.objects.filter(tenant__name="Home").update(checked_at=timezone.now())
    assert f'action="{stop}"' in signed_in.get(reverse("app-consents", args=[app.pk])).content.decode()
    page = signed_in.post(stop, follow=True).content.decode()
    assert "Stopped after 2 checks; 2 of them granted." in page
    assert stop not in page
    run.refresh_from_db()
    assert run.is_stopped


def test_every_app_is_checked_and_stopped_from_the_list(app: AppRegistration, signed_in: Client) -> None:
    url = reverse("consents")
    page = signed_in.post(reverse("consents-check"), follow=True).content.decode()
    assert ConsentCheckBatch.objects.get().app is None
    assert f'action="{reverse("consents-stop")}"' in page
    part = signed_in.get(url, headers={"hx-request": "true", "hx-target": "run"}).content.decode()
    assert "<html" not in part
    assert "Checking: 0 of" in part
    assert "Stopped after 0 checks" in signed_in.post(reverse("consents-stop"), follow=True).content.decode()
    for name in ("consents-check", "consents-stop"):
        assert signed_in.get(reverse(name)).headers["Location"] == url
    assert ConsentCheckBatch.objects.unfinished().count() == 0


def test_the_time_left_is_told(app: AppRegistration, signed_in: Client) -> None:
    run = check_batch.start(app, now=timezone.now() - timedelta(minutes=10))
    Consent.objects.filter(tenant__name="Home").update(checked_at=run.started_at + timedelta(minutes=1))
    page = signed_in.get(reverse("app-consents", args=[app.pk])).content.decode()
    assert "Checking: 2 of 6." in page
    assert "About 20 minutes left." in page
    Consent.objects.exclude(tenant__name="Gone").update(checked_at=run.started_at + timedelta(minutes=1))
    Consent.objects.filter(tenant__name="Gone", permission="Mail.Send").update(checked_at=run.started_at)
    ConsentCheckBatch.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    Consent.objects.exclude(checked_at=None).update(checked_at=timezone.now())
    assert "Less than a minute left." in signed_in.get(reverse("app-consents", args=[app.pk])).content.decode()


def test_a_page_waits_for_few_tenants_and_leaves_many_to_the_worker(signed_in: Client, rows: Rows) -> None:
    """Without a secret no request is sent."""
    app = rows.app()
    for number in range(WAITED_FOR):
        Mailbox.objects.create(app=app, tenant=rows.tenant(f"T {number}"), address=f"a{number}@x.example")
    check = reverse("consent-check", args=[app.pk])
    assert signed_in.post(check).headers["Location"] == app.get_absolute_url()
    assert not ConsentCheckBatch.objects.exists()
    Mailbox.objects.create(app=app, tenant=rows.tenant("One more"), address="b@x.example")
    assert signed_in.post(check).headers["Location"] == reverse("app-consents", args=[app.pk])
    assert ConsentCheckBatch.objects.exists()


def test_an_app_s_page_shows_some_and_leads_to_all(app: AppRegistration, signed_in: Client, rows: Rows) -> None:
    for number in range(30):
        Consent.objects.create(app=app, tenant=rows.tenant(f"T {number}"), permission="Mail.Send", status="granted")
    answer = signed_in.get(app.get_absolute_url())
    assert len(answer.context["consents"]) == 12
    assert [one.status for one in answer.context["consents"]][:4] == ["error", "error", "not_in_token", "granted"]
    assert reverse("app-consents", args=[app.pk]) in answer.content.decode()


@pytest.mark.parametrize("name", ["app", "app-consents", "app-sheet"])
def test_a_thousand_tenants_are_not_too_many_for_its_pages(signed_in: Client, rows: Rows, name: str) -> None:
    """SQLite takes no expression that is a thousand deep."""
    app = rows.app()
    tenants = Tenant.objects.bulk_create(Tenant(name=f"T {n}", directory_id=str(uuid4())) for n in range(1100))
    Mailbox.objects.bulk_create(
        Mailbox(app=app, tenant=tenant, address=f"a{number}@x.example") for number, tenant in enumerate(tenants)
    )
    assert signed_in.post(reverse("app-consents-check", args=[app.pk])).status_code == 302
    assert Consent.objects.count() == 1100
    assert signed_in.get(reverse(name, args=[app.pk])).status_code == 200
    assert sum(1 for _pair in check_batch._remaining_targets(ConsentCheckBatch.objects.get())) == 1100
