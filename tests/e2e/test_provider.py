"""A provider's Monday: with 400 tenants, each of these in at most eight clicks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from alertadmin.bulk import jobs
from alertadmin.bulk.models import BulkJob
from alertadmin.monitoring import worker_heartbeat
from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import AppRegistration, Consent, Contact, Credential, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from sandbox import Sandbox
from tests.factories import Rows, Site

pytestmark = pytest.mark.journey

COUNT = 400
MOST_CLICKS = 8


class Clicks:
    """Counts what a user presses or chooses; typing is not counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def on(self, target: Locator) -> None:
        self.count += 1
        target.click()

    def choose(self, selector: str, value: str) -> None:
        self.count += 1
        self.page.select_option(selector, value)
        self.page.wait_for_load_state("networkidle")

    def for_all(self, action: str) -> None:
        """All that match, to the end of the job."""
        page = self.page
        expect(page.locator("#bulk").get_by_text("all that match")).to_be_visible()
        self.choose("#bulk select[name=action]", action)
        self.on(page.locator("#bulk input[name=all]"))
        self.on(page.get_by_role("button", name="Continue"))
        self.on(page.get_by_role("button", name="Start for"))
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        worked_off()
        expect(page.get_by_text("Finished:")).to_be_visible()
        assert self.count <= MOST_CLICKS


def worked_off() -> None:
    """What the worker does."""
    while jobs.continue_next():
        pass


@pytest.fixture
def customers(rows: Rows) -> None:
    """400 tenants with a contact, an app, a secret and a consent each; every fourth secret expires in forty days."""
    worker_heartbeat.beat()
    now = timezone.now()
    tenants = Tenant.objects.bulk_create(
        [Tenant(name=f"Customer {number:03}", directory_id=guid(1, number)) for number in range(COUNT)]
    )
    Contact.objects.bulk_create([Contact(tenant=one, email=f"it@{one.name[-3:]}.example") for one in tenants])
    apps = AppRegistration.objects.bulk_create(
        [
            AppRegistration(tenant=one, name="ALERT", client_id=guid(2, number), permissions=["Mail.Send"])
            for number, one in enumerate(tenants)
        ]
    )
    Credential.objects.bulk_create(
        [
            Credential(app=one, description="main", state="current", expires_at=now + timedelta(days=days))
            for number, one in enumerate(apps)
            for days in [300 if number % 4 else 40]
        ]
    )
    Consent.objects.bulk_create(
        [
            Consent(app=one, tenant=one.tenant, permission="Mail.Send", status=status)
            for number, one in enumerate(apps)
            for status in ["granted" if number % 2 else "not_in_token"]
        ]
    )


def guid(kind: int, number: int) -> str:
    return f"{kind:08}-0000-4000-8000-{number:012}"


def test_what_expires_in_a_month_is_handed_to_its_owners(customers: None, signed_in: Page, address: str) -> None:
    clicks = Clicks(signed_in)
    signed_in.goto(address)
    clicks.on(signed_in.get_by_role("link", name="Secrets", exact=True))
    clicks.choose("select[name=ends]", f"{timezone.localtime() + timedelta(days=40):%Y-%m}")
    clicks.for_all("notify_owners")
    mails = Delivery.objects.filter(purpose=Purpose.RENEWAL)
    assert mails.count() == BulkJob.objects.get().rows.count() == COUNT / 4


def test_consent_is_requested_of_all_who_lack_it(customers: None, signed_in: Page, address: str) -> None:
    clicks = Clicks(signed_in)
    signed_in.goto(address)
    clicks.on(signed_in.get_by_role("link", name="Consent", exact=True))
    clicks.choose("select[name=status]", "missing")
    clicks.for_all("request_consent")
    assert Delivery.objects.filter(purpose=Purpose.CONSENT).count() == COUNT / 2


def test_mailboxes_of_willing_tenants_move_to_graph(
    customers: None, sandbox: Sandbox, rows: Rows, signed_in: Page, address: str
) -> None:
    willing = [by_ews(rows, sandbox, *Permission) for _number in range(2)]
    unwilling = by_ews(rows, sandbox, Permission.FULL_ACCESS)
    clicks = Clicks(signed_in)
    signed_in.goto(address)
    clicks.on(signed_in.get_by_role("link", name="Mailboxes", exact=True))
    clicks.choose("select[name=way]", "ews")
    expect(signed_in.locator("#bulk").get_by_text("all that match")).to_be_visible()
    clicks.choose("#bulk select[name=action]", "to_graph")
    clicks.on(signed_in.locator("#bulk input[name=all]"))
    clicks.on(signed_in.get_by_role("button", name="Continue"))
    clicks.on(signed_in.get_by_role("button", name="Start for 3 rows"))
    expect(signed_in.get_by_role("button", name="Stop")).to_be_visible()
    worked_off()  # requires Mail.Send, asks for consent, writes a test for each
    worker.deliver_due()
    BulkJob.objects.get().rows.update(not_before=None)
    worked_off()
    expect(signed_in.get_by_text("Finished: 3 rows.")).to_be_visible()
    assert clicks.count <= MOST_CLICKS
    moved = set(Mailbox.objects.filter(transport=TransportName.GRAPH))
    assert moved == {site.mailbox for site in willing}
    assert unwilling.mailbox not in moved


def by_ews(rows: Rows, sandbox: Sandbox, *granted: Permission) -> Site:
    site = rows.site(sandbox, granted=granted, transport=TransportName.EWS)
    site.app.permissions = [Permission.FULL_ACCESS.value]
    site.app.save()
    return site


def test_a_customer_s_administrator_is_invited_to_their_tenant(customers: None, signed_in: Page, address: str) -> None:
    clicks = Clicks(signed_in)
    signed_in.goto(address)
    clicks.on(signed_in.get_by_role("link", name="Tenants", exact=True))
    signed_in.get_by_role("searchbox", name="Search", exact=True).fill("Customer 217")
    expect(signed_in.get_by_role("row")).to_have_count(2)
    clicks.on(signed_in.get_by_role("link", name="Customer 217").first)
    clicks.on(signed_in.get_by_role("link", name="Invite"))
    signed_in.get_by_label("E-mail addresses").fill("boss@217.example")
    clicks.choose("select[name=role]", "administrator")
    clicks.on(signed_in.get_by_role("button", name="Invite"))
    expect(signed_in.get_by_role("heading", name="Invitation of boss@217.example")).to_be_visible()
    expect(signed_in.get_by_text("Customer 217").first).to_be_visible()
    assert clicks.count <= MOST_CLICKS


def test_a_report_for_the_management(customers: None, signed_in: Page, address: str, tmp_path: Path) -> None:
    clicks = Clicks(signed_in)
    signed_in.goto(address)
    clicks.on(signed_in.get_by_role("link", name="Secrets", exact=True))
    with signed_in.expect_download() as download:
        clicks.on(signed_in.get_by_role("button", name="Report"))
    download.value.save_as(tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert book["Secrets"].max_row == COUNT + 1
    assert book["Consent"].max_row == COUNT / 2 + 1
    assert clicks.count <= MOST_CLICKS
