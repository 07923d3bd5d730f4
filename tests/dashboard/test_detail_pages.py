"""The page of a thing, and what one does there: add to it, delete it, try it again."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Consent, ConsentChange, Contact, Credential, Mailbox, Tenant
from alertadmin.reminders.models import ReminderLine
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW
from tests.dashboard.test_pages import registration
from tests.factories import Rows


def text_of(client: Client, name: str, *args: object) -> str:
    return client.get(reverse(name, args=args)).content.decode()


def test_deleting_a_tenant_counts_what_goes_with_it_asks_once_and_takes_it_all(signed_in: Client, rows: Rows) -> None:
    tenant, other = rows.tenant("Northpark"), rows.tenant("Other")
    app = rows.app(tenant)
    for state in ("current", "next", "retired"):
        rows.credential(app, state=state)
    elsewhere = Mailbox.objects.create(tenant=other, app=app, address="a@x.example", transport="graph")
    Mailbox.objects.create(tenant=tenant, address="p@x.example", transport="ews", server="plant")
    kept = Delivery.objects.create(purpose="test", dedupe_key="t", recipient="a@x.example", mailbox=elsewhere)
    page = text_of(signed_in, "tenant-delete", tenant.pk)
    assert "Delete “Northpark”?" in page
    for counted in ("1 app registration", "3 secrets", "2 mailboxes"):
        assert f"<li>{counted}</li>" in page
    assert Tenant.objects.count() == 2
    done = signed_in.post(reverse("tenant-delete", args=[tenant.pk]), follow=True).content.decode()
    assert "“Northpark” is deleted." in done
    assert list(Tenant.objects.all()) == [other]
    assert not any(kind.objects.exists() for kind in (AppRegistration, Credential, Mailbox))
    assert Delivery.objects.get(pk=kept.pk).mailbox is None
    assert signed_in.post(reverse("tenant-delete", args=[tenant.pk])).status_code == 404


def test_what_has_nothing_under_it_is_deleted_without_a_count(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant("Northpark")
    assert "This also deletes:" not in text_of(signed_in, "tenant-delete", tenant.pk)
    assert "This also deletes:" not in text_of(signed_in, "app-delete", rows.app(tenant).pk)
    credential = rows.credential(description="<b>relay</b>")
    page = text_of(signed_in, "credential-delete", credential.pk)
    assert "Delete “&lt;b&gt;relay&lt;/b&gt;”?" in page
    assert f'href="{credential.get_absolute_url()}"' in page


def test_an_app_is_added_to_a_tenant_without_entering_the_tenant_again(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant("Northpark", contacts=["a@x.example"], time_zone="Asia/Tokyo")
    url = f"{reverse('register')}?tenant={tenant.pk}"
    page = signed_in.get(url).content.decode()
    assert "Register an app of Northpark" in page
    assert "tenant-name" not in page
    form = {name: value for name, value in registration().items() if not name.startswith("tenant-")}
    assert signed_in.post(url, form).headers["Location"] == AppRegistration.objects.get().get_absolute_url()
    assert Tenant.objects.get() == tenant
    assert [contact.email for contact in Contact.objects.all()] == ["a@x.example"]
    assert Credential.objects.get().expires_at.isoformat() == "2027-05-31T15:00:00+00:00"


def test_a_client_id_that_the_tenant_has_already_is_refused_in_words(signed_in: Client, rows: Rows) -> None:
    app = rows.app()
    form = registration(**{"app-client_id": app.client_id})
    page = signed_in.post(f"{reverse('register')}?tenant={app.tenant_id}", form).content.decode()
    assert "This tenant already has an app registration with this client ID." in page
    assert AppRegistration.objects.count() == 1
    assert not Credential.objects.exists()


def test_a_tenant_is_edited_with_its_contacts_and_a_zone_from_the_list(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant("Northpark", contacts=["a@x.example", "b@x.example"])
    url = reverse("tenant-edit", args=[tenant.pk])
    page = signed_in.get(url).content.decode()
    assert '<option value="Europe/Paris"></option>' in page
    assert "a@x.example\nb@x.example" in page
    form = {
        "name": "Northpark",
        "directory_id": tenant.directory_id,
        "cloud": "global",
        "time_zone": "Europe/Paris",
        "contacts": "b@x.example; c@x.example",
    }
    assert signed_in.post(url, form).headers["Location"] == tenant.get_absolute_url()
    tenant.refresh_from_db()
    assert tenant.time_zone == "Europe/Paris"
    assert [contact.email for contact in tenant.contacts.all()] == ["b@x.example", "c@x.example"]


def test_a_secret_s_page_says_who_will_be_told_when(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant(contacts=["duty@x.example"])
    credential = rows.credential(rows.app(tenant), days=10)
    with time_machine.travel(NOW, tick=False):
        page = text_of(signed_in, "credential", credential.pk)
        assert "duty@x.example" in page
        for words in ("7 days before expiry", "3 days before expiry", "1 day before expiry", "on the expiry date"):
            assert words in page
        assert "14 days before expiry" not in page
        Credential.objects.update(state="retired")
        assert "Days before expiry" not in text_of(signed_in, "credential", credential.pk)


def test_a_cloud_that_the_operator_s_file_no_longer_names_breaks_no_page(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant(cloud="gone")
    app = rows.app(tenant)
    credential = rows.credential(app)
    mailbox = Mailbox.objects.create(tenant=tenant, app=app, address="a@x.example", transport="graph")
    Consent.objects.create(tenant=tenant, app=app, permission="Mail.Send", status="error", cause="role_missing")
    failed = Delivery.objects.create(
        purpose="test", dedupe_key="t", recipient="a@x.example", mailbox=mailbox, state="failed", cause="secret_wrong"
    )
    for thing in (tenant, app, credential, mailbox):
        assert signed_in.get(thing.get_absolute_url()).status_code == 200
    assert "The client secret is wrong" in text_of(signed_in, "delivery", failed.pk)
    assert "The client secret is wrong" in text_of(signed_in, "test-send-progress", failed.pk)
    assert signed_in.get(reverse("tenant-edit", args=[tenant.pk])).status_code == 200


def test_a_reminder_s_page_leads_to_each_secret_that_it_tells_of(signed_in: Client, rows: Rows) -> None:
    tenant = rows.tenant("Northpark", contacts=["duty@x.example"])
    secrets = [rows.credential(rows.app(tenant, f"app {days}"), days=days) for days in (3, 20)]
    scanner.run(NOW)
    page = text_of(signed_in, "delivery", Delivery.objects.get(recipient="duty@x.example").pk)
    assert "Contents" in page
    assert page.index(secrets[0].get_absolute_url()) < page.index(secrets[1].get_absolute_url())
    assert "Northpark / app 3" in page


def test_a_reminder_of_a_mailbox_and_of_a_consent_leads_to_those(signed_in: Client, rows: Rows) -> None:
    app = rows.app(rows.tenant("Northpark", contacts=["duty@x.example"]), "relay")
    mailbox = Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@x.example", transport="ews")
    consent = Consent.objects.create(tenant=app.tenant, app=app, permission="Mail.Send", status="not_in_token")
    ConsentChange.objects.create(
        consent=consent,
        app=app,
        tenant=app.tenant,
        permission="Mail.Send",
        before="granted",
        after="not_in_token",
        at=NOW,
    )
    for now in (NOW, NOW + timedelta(days=60)):  # the second when the end of EWS is near enough to be told of
        scanner.run(now)
    pages = [text_of(signed_in, "delivery", delivery.pk) for delivery in Delivery.objects.all()]
    assert {notice.reminder.kind for notice in ReminderLine.objects.select_related("reminder")} == {"ews", "consent"}
    assert any(f'href="{mailbox.get_absolute_url()}"' in page for page in pages)
    assert any(f'href="{app.get_absolute_url()}#consent"' in page for page in pages)


@pytest.mark.django_db(transaction=True)
def test_a_delivery_that_waits_for_its_next_try_is_tried_at_once_when_asked(
    signed_in: Client, sandbox: Sandbox, rows: Rows
) -> None:
    waiting = Delivery.objects.create(
        purpose="reminder",
        dedupe_key="r",
        recipient="a@x.example",
        cause="network",
        not_before=NOW + timedelta(hours=1),
    )
    url = reverse("delivery-hasten", args=[waiting.pk])
    with time_machine.travel(NOW, tick=False):
        assert f'action="{url}"' in text_of(signed_in, "delivery", waiting.pk)
        assert "Sending is retried now." in signed_in.post(url, follow=True).content.decode()
        waiting.refresh_from_db()
        assert waiting.not_before == NOW


@pytest.mark.parametrize(
    "fields",
    [{"cause": "throttled"}, {"state": "sent"}, {"state": "failed"}, {"not_before": NOW}],
)
def test_what_waits_for_a_server_or_for_nothing_is_not_hastened(
    signed_in: Client, db: None, fields: dict[str, object]
) -> None:
    delivery = Delivery.objects.create(
        **{
            "purpose": "reminder",
            "dedupe_key": "r",
            "recipient": "a@x.example",
            "not_before": NOW + timedelta(hours=1),
            **fields,
        }
    )
    before = delivery.not_before
    url = reverse("delivery-hasten", args=[delivery.pk])
    with time_machine.travel(NOW, tick=False):
        assert url not in text_of(signed_in, "delivery", delivery.pk)
        signed_in.post(url)
    delivery.refresh_from_db()
    assert delivery.not_before == before
