"""Each action on selected rows, from the list to the result of each row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.audit import AuditEntry
from alertadmin.bulk import jobs
from alertadmin.bulk.models import BulkJob, BulkRow
from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import Consent, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.reminders.models import Policy, Snooze
from sandbox import Sandbox
from tests.factories import Rows

pytestmark = pytest.mark.postgresql


def selected(
    client: Client, list_name: str, action: str, rows: Sequence[Model] | None = None, query: str = ""
) -> BulkJob:
    """The draft for these rows, or for all that the query matches."""
    chosen: dict[str, Any] = {"all": "1"} if rows is None else {"row": [str(row.pk) for row in rows]}
    answer = client.post(reverse("bulk-select"), {"list": list_name, "action": action, "query": query, **chosen})
    assert answer.status_code == 302
    job = BulkJob.objects.latest("created_at")
    assert answer.url == job.get_absolute_url()  # type: ignore[attr-defined]
    return job


def done(client: Client, job: BulkJob, **parameters: object) -> dict[str, tuple[str, str]]:
    """State and result of each row by its label, after the job was started and continued."""
    answer = client.post(job.get_absolute_url(), parameters)
    assert answer.status_code == 302, answer.content.decode()
    while jobs.continue_next():
        pass
    found = BulkRow.objects.filter(job=job)
    return {row.label: (row.state, row.result) for row in found}


def test_contacts_are_added_to_all_that_match(rows: Rows, signed_in: Client) -> None:
    north = rows.tenant("North", ["ada@north.example"])
    rows.tenant("South")
    rows.tenant("Elsewhere", domain="x.example")
    job = selected(signed_in, "tenants", "contacts", query="q=th")
    page = signed_in.get(job.get_absolute_url()).content.decode()
    assert "Start for 2 rows" in page
    assert "Elsewhere" not in page
    results = done(signed_in, job, contacts="ben@x.example; Eve <eve@x.example>", keep="keep")
    assert {label: state for label, (state, _text) in results.items()} == {"North": "done", "South": "done"}
    assert set(north.contacts.values_list("email", flat=True)) == {
        "ada@north.example",
        "ben@x.example",
        "eve@x.example",
    }
    entry = AuditEntry.objects.filter(act="tenant.changed").latest("number")
    assert "@" in entry.who  # the user, not the worker
    finished = signed_in.get(job.get_absolute_url()).content.decode()
    assert "Finished: 2 rows." in finished
    assert "eve@x.example" in finished


def test_contacts_are_replaced(rows: Rows, signed_in: Client) -> None:
    north = rows.tenant("North", ["ada@north.example"])
    done(signed_in, selected(signed_in, "tenants", "contacts", [north]), contacts="ben@x.example", keep="replace")
    assert list(north.contacts.values_list("email", flat=True)) == ["ben@x.example"]


@pytest.mark.parametrize(
    ("action", "bad"),
    [
        ("contacts", {"contacts": "", "keep": "keep"}),
        ("contacts", {"contacts": "no address", "keep": "keep"}),
        ("time_zone", {"value": "Mars/Phobos"}),
        ("language", {"value": "xx"}),
        ("policy", {"like": "no tenant"}),
    ],
)
def test_bad_input_starts_nothing(rows: Rows, signed_in: Client, action: str, bad: dict[str, str]) -> None:
    job = selected(signed_in, "tenants", action, [rows.tenant()])
    assert signed_in.post(job.get_absolute_url(), bad).status_code == 422
    job.refresh_from_db()
    assert job.is_draft
    assert not jobs.continue_next()


def test_time_zone_language_and_policy(rows: Rows, signed_in: Client) -> None:
    like, other = rows.tenant("Like"), rows.tenant("Other", time_zone="Europe/Paris")
    Policy.objects.create(tenant=like, plan="30,7,0/7")
    results = done(signed_in, selected(signed_in, "tenants", "time_zone"), value="Europe/Paris")
    assert {label: state for label, (state, _text) in results.items()} == {"Like": "done", "Other": "unchanged"}
    done(signed_in, selected(signed_in, "tenants", "language"), value="fr")
    assert set(Tenant.objects.values_list("time_zone", "language")) == {("Europe/Paris", "fr")}
    results = done(signed_in, selected(signed_in, "tenants", "policy"), like=str(like.pk))
    assert {label: state for label, (state, _text) in results.items()} == {"Like": "unchanged", "Other": "done"}
    assert Policy.objects.get(tenant=other).plan == "30,7,0/7"
    done(signed_in, selected(signed_in, "tenants", "policy", [other]), like="")
    assert Policy.objects.get(tenant=other).plan == ""


def test_reminders_of_selected_secrets_are_acknowledged(rows: Rows, signed_in: Client) -> None:
    far, gone = rows.credential(days=60), rows.credential(days=50, state="retired")
    until = (timezone.localdate() + timedelta(days=20)).isoformat()
    results = done(signed_in, selected(signed_in, "credentials", "acknowledge", [far, gone]), until=until, reason="us")
    assert [state for state, _text in results.values()] == ["done"]  # the superseded one needs none
    snooze = Snooze.objects.get()
    assert (snooze.credential, snooze.kind, snooze.reason) == (far, "acknowledged", "us")


@pytest.mark.django_db(transaction=True)
def test_owners_get_one_mail_with_all_their_secrets(relay: Sandbox, rows: Rows, signed_in: Client) -> None:
    north, south, empty = (
        rows.tenant("North", ["ada@north.example"]),
        rows.tenant("South", ["s@x.example"]),
        rows.tenant("Empty"),
    )
    for tenant, days in ((north, 5), (north, 9), (south, 7), (empty, 8), (south, 300)):
        rows.credential(
            rows.app(tenant, f"App {days}"),
            expires_at=timezone.now() + timedelta(days=days),
            description=f"secret {days}",
        )
    job = selected(signed_in, "credentials", "notify_owners", query="ends=30")
    results = done(signed_in, job)
    assert {label: state for label, (state, _text) in results.items()} == {
        "North": "done",
        "South": "done",
        "Empty": "skipped",
    }
    worker.deliver_due()
    mails = {one.recipient: one for one in Delivery.objects.filter(purpose=Purpose.RENEWAL)}
    assert set(mails) == {"ada@north.example", "s@x.example"}
    assert mails["ada@north.example"].subject.startswith("2 secrets of North expire")
    assert "secret 5" in mails["ada@north.example"].text
    assert "secret 7" not in mails["ada@north.example"].text
    assert "secret 300" not in mails["s@x.example"].text
    assert {one.state for one in mails.values()} == {"sent"}


def test_consent_is_checked_and_requested_where_it_is_missing(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    granted = rows.site(sandbox, name="Granted", contacts=["g@x.example"])
    lacking = rows.site(sandbox, name="Lacking", granted=(), contacts=["l@x.example"])
    sync_required_consents([granted.app, lacking.app])
    checked = done(signed_in, selected(signed_in, "tenants", "check_consent"))
    assert {label: state for label, (state, _text) in checked.items()} == {
        "Granted / ALERT": "done",
        "Lacking / ALERT": "done",
    }
    assert set(Consent.objects.filter(tenant=granted.tenant).values_list("status", flat=True)) == {"granted"}
    job = selected(signed_in, "consents", "request_consent", query="status=missing")
    assert list(job.rows.values_list("label", flat=True)) == ["Lacking / ALERT"]
    results = done(signed_in, job)
    assert results["Lacking / ALERT"][0] == "done"
    assert list(Delivery.objects.filter(purpose=Purpose.CONSENT).values_list("recipient", flat=True)) == ["l@x.example"]
    again = done(signed_in, selected(signed_in, "apps", "request_consent"))
    assert again["Lacking / ALERT"][0] == "unchanged"  # asked a moment ago


def test_mailboxes_move_to_graph_where_the_tenant_allows_it(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    willing = rows.site(sandbox, name="Willing", transport=TransportName.EWS)
    unwilling = rows.site(sandbox, name="Unwilling", granted=[Permission.FULL_ACCESS], transport=TransportName.EWS)
    for site in (willing, unwilling):
        site.app.permissions = [Permission.FULL_ACCESS.value]
        site.app.save()
    job = selected(signed_in, "mailboxes", "to_graph", query="way=ews")
    results = done(signed_in, job)
    assert results[unwilling.mailbox.address][0] == "skipped"
    assert results[willing.mailbox.address][0] == "waiting"  # for its test
    worker.deliver_due()
    job.rows.update(not_before=None)
    while jobs.continue_next():
        pass
    assert {row.label: row.state for row in job.rows.all()} == {
        willing.mailbox.address: "done",
        unwilling.mailbox.address: "skipped",
    }
    assert Mailbox.objects.get(pk=willing.mailbox.pk).transport == TransportName.GRAPH
    assert Mailbox.objects.get(pk=unwilling.mailbox.pk).transport == TransportName.EWS


def test_tests_beyond_the_limit_wait_for_it(sandbox: Sandbox, rows: Rows, signed_in: Client, settings: Any) -> None:
    settings.TESTS_PER_HOUR = 2
    for _number in range(3):
        rows.site(sandbox)
    job = selected(signed_in, "mailboxes", "send_test")
    results = done(signed_in, job, recipient="ada@x.example")
    assert sorted(state for state, _text in results.values()) == ["done", "done", "waiting"]
    waiting = job.rows.get(state="waiting")
    assert waiting.not_before is not None
    assert timedelta() < waiting.not_before - timezone.now() <= timedelta(hours=1)
    assert "The next row is worked on at" in signed_in.get(job.get_absolute_url()).content.decode()
    assert not jobs.continue_next()


def test_nothing_selected_is_said(rows: Rows, signed_in: Client) -> None:
    rows.tenant()
    url, tenants = reverse("bulk-select"), {"list": "tenants"}
    assert (
        "Select at least one row"
        in signed_in.post(url, {**tenants, "action": "contacts"}, follow=True).content.decode()
    )
    assert (
        "Choose what to do"
        in signed_in.post(url, {**tenants, "row": "x", "action": "to_graph"}, follow=True).content.decode()
    )
    assert signed_in.post(url, {"list": "audit", "action": "contacts", "all": "1"}).status_code == 302
    assert not BulkJob.objects.exists()


def test_a_consent_stands_for_all_of_its_app_and_tenant(rows: Rows, signed_in: Client) -> None:
    """The list has one row for an app and tenant: what it shows is what is acted on."""
    half, full = rows.app(rows.tenant("Half")), rows.app(rows.tenant("Full"))
    for app, status in ((half, "not_in_token"), (full, "granted")):
        Consent.objects.create(app=app, tenant=app.tenant, permission="Mail.Send", status="granted")
        Consent.objects.create(app=app, tenant=app.tenant, permission="SMTP.SendAsApp", status=status)
    for query, expected in (
        ("status=missing", ["Half / ALERT"]),
        ("status=granted", ["Full / ALERT"]),
        ("status=granted&rows=permission", ["Full / ALERT", "Half / ALERT"]),
    ):
        job = selected(signed_in, "consents", "check_consent", query=query)
        assert list(job.rows.values_list("label", flat=True)) == expected
    first = Consent.objects.get(app=half, permission="Mail.Send")
    job = selected(signed_in, "consents", "request_consent", [first])
    assert list(job.rows.values_list("label", flat=True)) == ["Half / ALERT"]
