"""The main job, end to end: from the first link to a mail that left, and to one explained that did not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.demo import Demonstration

pytestmark = pytest.mark.journey

ADA = "ada@lakeside.example"


def test_from_the_first_link_to_a_mail_that_left(demonstration: Demonstration, page: Page) -> None:
    """One story, as one person lives it; each step needs those before it."""
    demonstration.become_its_administrator(page, ADA)
    register(demonstration, page)
    check_consent(page)
    send_a_test(page, "Microsoft Graph")
    send_a_test(page, "Exchange Web Services (EWS)")
    see_both_in_the_sandbox(demonstration, page)
    see_the_reminder(demonstration, page)
    break_the_secret(demonstration, page)
    mend_the_secret(demonstration, page)


def register(demonstration: Demonstration, page: Page) -> None:
    told = demonstration.to_register()
    page.get_by_role("link", name="Register", exact=True).click()
    page.get_by_role("link", name="I have all the values: use one form").click()
    page.fill("[name=tenant-name]", told["Name"])
    page.fill("[name=tenant-directory_id]", told["Directory (tenant) ID"])
    page.select_option("[name=tenant-cloud]", label=told["Cloud"])
    page.fill("[name=app-name]", told["App name"])
    page.fill("[name=app-client_id]", told["Application (client) ID"])
    for permission in ("Mail.Send", "full_access_as_app", "SMTP.SendAsApp"):
        page.get_by_label(permission).check()
    page.fill("[name=secret-value]", told["Secret value"])
    page.fill("[name=secret-description]", "ALERT server")
    page.fill("[name=secret-expires_at]", told["Secret ends"])
    page.fill("[name=mailbox-address]", told["Mailbox"])
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(told["App name"])
    assert told["Secret value"] not in page.content()


def check_consent(page: Page) -> None:
    expect(page.get_by_text("Never checked").first).to_be_visible()
    page.get_by_role("button", name="Check consent now").click()
    expect(page.get_by_text("All required permissions are granted.").first).to_be_visible()


def send_a_test(page: Page, way: str) -> None:
    """From wherever the mailbox is linked; the steps are seen as they happen."""
    page.get_by_role("link", name="alarms@lakeside.example").first.click()
    page.get_by_label("To").fill(ADA)
    page.get_by_label("By").select_option(label=way)
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("heading", name="The message was accepted")).to_be_visible(timeout=30_000)
    for step in ("Tenant found", "Token received", "Permission found in the token", "Message accepted"):
        expect(page.get_by_role("listitem").filter(has_text=step)).to_contain_text(re.compile(r"\d ms"))


def see_both_in_the_sandbox(demonstration: Demonstration, page: Page) -> None:
    page.goto(demonstration.mailbox_page(ADA))
    rows = page.get_by_role("row").filter(has_text="alarms@lakeside.example")
    expect(rows).to_have_count(2)
    expect(rows.filter(has=page.get_by_role("cell", name="graph", exact=True))).to_have_count(1)
    expect(rows.filter(has=page.get_by_role("cell", name="ews", exact=True))).to_have_count(1)


def see_the_reminder(demonstration: Demonstration, page: Page) -> None:
    """The scan at the start told the tenants' contacts; both ends show it."""
    page.goto(demonstration.mailbox_page("it@harbour.example"))
    expect(page.get_by_role("link", name=re.compile("client secret expires in 8 days"))).to_be_visible()
    page.goto(f"{demonstration.url}/deliveries/?purpose=reminder")
    row = page.get_by_role("row").filter(has_text="it@harbour.example")
    expect(row).to_contain_text("Sent")
    row.get_by_role("link").first.click()
    expect(page.get_by_text("“Harbour Logistics” / “ALERT mail” / “ALERT server”").first).to_be_visible()


def break_the_secret(demonstration: Demonstration, page: Page) -> None:
    """In Entra the secret is taken away; what the test send says then is what an administrator must do."""
    client_id = demonstration.to_register()["Application (client) ID"]
    for secret in demonstration.control.directory.secrets(client_id):
        demonstration.control.directory.remove_secret(client_id, secret)
    page.goto(f"{demonstration.url}/apps/?q={client_id}")
    page.get_by_role("row").filter(has_text=client_id).get_by_role("link").first.click()
    page.get_by_role("button", name="Check consent now").click()
    diagnosis = page.get_by_role("region", name="Diagnosis").first
    expect(diagnosis).to_contain_text("The client secret is wrong")
    expect(diagnosis).to_contain_text("Who must act")
    expect(diagnosis.get_by_role("listitem").first).to_be_visible()
    expect(diagnosis.get_by_role("link", name=re.compile("Certificates & secrets"))).to_have_attribute(
        "href", re.compile(client_id)
    )


def mend_the_secret(demonstration: Demonstration, page: Page) -> None:
    """A wrong new value is stored but not used; a right one takes over once a token has proven it."""
    page.get_by_role("link", name="Replace").first.click()
    page.get_by_label("Secret value").fill("wrong~wrong.wrong-wrong_wrong~wrong12345")
    page.get_by_label("Expires").fill("2028-06-30")
    page.get_by_role("button", name="Save and verify").click()
    expect(page.get_by_role("heading", name="The new secret got no token")).to_be_visible()
    client_id = demonstration.to_register()["Application (client) ID"]
    fresh = demonstration.control.directory.add_secret(client_id, description="ALERT server")
    page.get_by_role("link", name="Enter another value").click()
    page.get_by_label("Secret value").fill(str(fresh.value))
    page.get_by_label("Expires").fill("2028-06-30")
    page.get_by_role("button", name="Save and verify").click()
    expect(page.get_by_text("The new one is verified and now in use;")).to_be_visible()
    expect(page.get_by_text("In use").first).to_be_visible()
