"""Smaller jobs, each from a page to its result: an import, a mailbox on premises, a deletion, all of it in French."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.registry.models import AppRegistration, Credential, Mailbox
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.journey

HEADER = "tenant_name,directory_id,app_name,client_id,secret_description,secret_expires_on\n"
TENANT = "Northpark,1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
ROW = TENANT + ",ALERT,9f2c7f3e-5d5f-4c52-8f0e-0d6c3a3f7d1{0},relay {0},2027-0{0}-01\n"


def test_a_table_is_imported_after_its_mistake_was_mended(signed_in: Page, address: str, tmp_path: Path) -> None:
    page = signed_in
    page.goto(address + reverse("tenants"))
    page.get_by_role("link", name="Import").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Empty template").click()
    assert download.value.suggested_filename == "registrations.csv"
    table = tmp_path / "customers.csv"
    table.write_text(HEADER + ROW.format(1) + ROW.format(2).replace("2027-02-01", "soon"), encoding="utf-8")
    bring(page, table)
    expect(page.get_by_role("heading", name="Refused rows")).to_be_focused()
    mistake = page.get_by_role("row").filter(has_text="This is not a date")
    expect(mistake.get_by_role("cell").first).to_have_text("3")
    expect(mistake).to_contain_text("secret_expires_on")
    assert not AppRegistration.objects.exists()
    table.write_text(HEADER + ROW.format(1) + ROW.format(2), encoding="utf-8")
    page.get_by_role("button", name="Delete the file").click()
    bring(page, table)
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("Stored: 5 added, 0 changed.")).to_be_visible()
    page.locator("main").get_by_role("link", name="Tenants").click()
    page.get_by_role("link", name="Northpark").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Northpark")
    assert AppRegistration.objects.count() == 2


def bring(page: Page, table: Path) -> None:
    """In three clicks to what the rows would do."""
    page.get_by_label("File").first.set_input_files(table)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Check the rows").click()


def test_a_mailbox_on_premises_is_added_and_sends(signed_in: Page, address: str, sandbox: Sandbox, rows: Rows) -> None:
    page = signed_in
    there = sandbox.directory.add_tenant("Plant", "plant.example")
    sandbox.directory.add_mailbox(there, "alarms@plant.example")
    sandbox.directory.add_login("PLANT\\svc", "Winter-2026-at-the-plant")
    tenant = rows.tenant("Plant")
    page.goto(address + tenant.get_absolute_url())
    page.get_by_role("link", name="Exchange on premises").click()
    page.get_by_label("Address").fill("alarms@plant.example")
    page.get_by_label("User name").fill("PLANT\\svc")
    page.get_by_label("Password").fill("Winter-2026-at-the-plant")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("alarms@plant.example")
    expect(page.get_by_text("stored encrypted, never shown")).to_be_visible()
    assert "Winter" not in page.content()
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("waiting for the worker")).to_be_visible()
    worker.deliver_due()
    expect(page.get_by_role("heading", name="The message was accepted")).to_be_visible()


def test_deleting_an_app_names_it_counts_what_goes_and_asks_once(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    app = rows.app(name="old relay")
    rows.credential(app)
    Mailbox.objects.create(tenant=app.tenant, app=app, address="a@x.example", transport="graph")
    page.goto(address + app.get_absolute_url())
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete “old relay”?")
    expect(page.locator(".going li")).to_have_text(["1 secret", "1 mailbox"])
    page.get_by_role("button", name="Delete old relay").click()
    expect(page.locator(".notice-success")).to_contain_text("“old relay” is deleted.")
    assert AppRegistration.objects.count() == Credential.objects.count() == 0


def test_a_french_administrator_finds_french_pages_and_french_months(
    signed_in: Page, address: str, administrator: User, rows: Rows
) -> None:
    page = signed_in
    rows.credential(rows.app(rows.tenant("Northpark", contacts=["duty@x.example"])), days=3)
    scanner.run(NOW)
    page.goto(address + reverse("profile"))
    page.get_by_label("Language").select_option("fr")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("link", name="Secrets", exact=True)).to_be_visible()
    page.goto(address + reverse("overview"))
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Overview")
    expect(page.locator(".timeline")).to_contain_text("févr.")
    page.goto(address + reverse("register"))
    page.get_by_role("button", name=re.compile("Enregistrer|Inscrire")).last.click()
    expect(page.get_by_text("Ce champ est obligatoire.").first).to_be_visible()
    administrator.refresh_from_db()
    assert administrator.language == "fr"


def test_light_and_dark_are_chosen_and_remembered(signed_in: Page, address: str) -> None:
    page = signed_in
    page.emulate_media(color_scheme="light")
    page.goto(address + reverse("overview"))
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Dark").click()
    page.goto(address + reverse("credentials"))
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="System").click()
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_a_diagnosis_is_copied_as_a_message_to_whoever_must_act(signed_in: Page, address: str) -> None:
    page = signed_in
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(address + reverse("diagnosis"))
    page.get_by_label("The error text").fill("AADSTS7000222: the provided client secret keys are expired.")
    page.get_by_role("button", name="Explain").click()
    page.get_by_role("button", name="Copy as a message").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("The client secret has expired\n\n")
    assert "What to do:\n1. " in copied
    assert "https://" in copied


def test_an_id_is_copied_by_its_button(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tenant = rows.tenant("Northpark")
    page.goto(address + tenant.get_absolute_url())
    page.get_by_role("button", name=f"Copy {tenant.directory_id}").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == tenant.directory_id
