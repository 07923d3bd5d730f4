"""Rows of required consents: created as unknown, deleted when obsolete, kept when checked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alertadmin.registry import tasks
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Consent, Mailbox, Tenant
from tests.factories import Rows


def wanted() -> set[tuple[str, str, str]]:
    found = Consent.objects.select_related("tenant")
    return {(consent.tenant.name, consent.permission, consent.status) for consent in found}


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant("home"), permissions=["Mail.Send", "SMTP.SendAsApp"])


def note(*apps: AppRegistration) -> None:
    sync_required_consents(AppRegistration.objects.filter(pk__in=[app.pk for app in apps]))


def test_required_consent_is_unknown_until_checked(app: AppRegistration) -> None:
    note(app)
    assert wanted() == {("home", "Mail.Send", "unknown"), ("home", "SMTP.SendAsApp", "unknown")}
    note(app)
    assert Consent.objects.count() == 2


def test_obsolete_consents_are_deleted_and_results_kept(app: AppRegistration) -> None:
    note(app)
    Consent.objects.filter(permission="Mail.Send").update(status="granted")
    app.permissions = ["Mail.Send", "full_access_as_app"]
    app.save()
    note(app)
    assert wanted() == {("home", "Mail.Send", "granted"), ("home", "full_access_as_app", "unknown")}
    app.permissions = []
    app.save()
    note(app)
    assert wanted() == set()


@pytest.mark.parametrize(
    ("transport", "more"), [("graph", set()), ("ews", {("abroad", "full_access_as_app", "unknown")})]
)
def test_mailbox_in_another_tenant_requires_consents_there(
    app: AppRegistration, rows: Rows, transport: str, more: set[tuple[str, str, str]]
) -> None:
    mailbox = Mailbox.objects.create(tenant=rows.tenant("abroad"), app=app, address="a@x.example", transport=transport)
    Mailbox.objects.create(tenant=app.tenant, app=app, address="b@x.example", transport="smtp")
    note(app)
    home = {("home", "Mail.Send", "unknown"), ("home", "SMTP.SendAsApp", "unknown")}
    abroad = {("abroad", "Mail.Send", "unknown"), ("abroad", "SMTP.SendAsApp", "unknown")}
    assert wanted() == home | abroad | more
    mailbox.delete()
    note(app)
    assert wanted() == home


def test_home_tenant_requires_consents_only_without_other_mailboxes(app: AppRegistration, rows: Rows) -> None:
    note(app)
    mailbox = Mailbox.objects.create(tenant=rows.tenant("abroad"), app=app, address="a@x.example")
    note(app)
    assert {place for place, _permission, _status in wanted()} == {"abroad"}
    mailbox.delete()
    note(app)
    assert {place for place, _permission, _status in wanted()} == {"home"}


def test_daily_check_deletes_obsolete_consents(app: AppRegistration, rows: Rows) -> None:
    note(app)
    Mailbox.objects.create(tenant=rows.tenant("abroad"), app=app, address="a@x.example")
    tasks.check_consents()
    assert {place for place, _permission, _status in wanted()} == {"abroad"}


def test_other_apps_are_unchanged_and_queries_are_constant(app: AppRegistration, rows: Rows) -> None:
    untouched = rows.app(rows.tenant("other"))
    Consent.objects.create(app=untouched, tenant=untouched.tenant, permission="SMTP.SendAsApp", status="granted")
    assert count_of([app]) == count_of([app, *(rows.app(rows.tenant(f"tenant {n}")) for n in range(5))])
    assert ("other", "SMTP.SendAsApp", "granted") in wanted()


def count_of(apps: Sequence[AppRegistration]) -> int:
    found = AppRegistration.objects.filter(pk__in=[app.pk for app in apps])
    with CaptureQueriesContext(connection) as queries:
        sync_required_consents(found.select_related("tenant").prefetch_related("mailboxes__tenant"))
    return len(queries)


def test_deleting_an_app_deletes_its_consents(app: AppRegistration) -> None:
    note(app)
    Tenant.objects.all().delete()
    assert wanted() == set()
