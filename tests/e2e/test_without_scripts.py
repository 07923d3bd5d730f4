"""A browser that runs no scripts: everything works but the steps that move by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.registry.models import SetupProgress, Tenant
from sandbox import Sandbox
from tests.conftest import PASSWORD
from tests.e2e.conftest import PATIENCE
from tests.factories import Rows

pytestmark = pytest.mark.journey


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def signed_in(page: Page, address: str, administrator: User) -> Page:
    page.goto(address)
    page.get_by_label("E-mail address").fill(administrator.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page


def test_a_list_is_searched_filtered_and_sorted(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    for days in (3, 40, 400):
        rows.credential(days=days, description=f"relay {days}")
    page.goto(address + reverse("credentials"))
    page.get_by_role("searchbox", name="Search", exact=True).fill("relay")
    page.get_by_role("combobox", name="Status").select_option("current")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).to_have_count(4)
    page.get_by_role("link", name="Description").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("relay 3")
    expect(page.get_by_role("row").nth(2)).to_contain_text("relay 40")


def test_a_test_is_sent_and_looked_after_by_a_link(signed_in: Page, address: str, sandbox: Sandbox, rows: Rows) -> None:
    page = signed_in
    site = rows.site(sandbox)
    page.goto(address + site.app.get_absolute_url())
    page.get_by_role("button", name="Check consent now").click()
    expect(page.get_by_text("All required permissions are granted.").first).to_be_visible()
    page.get_by_role("link", name="Send test").click()
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("waiting for the worker")).to_be_visible()
    worker.deliver_due()
    page.get_by_role("link", name="Show the current status").click()
    expect(page.get_by_role("heading", name="The message was accepted")).to_be_visible()
    expect(page.get_by_role("link", name="Show the current status")).to_have_count(0)


def test_deleting_asks_once(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    tenant = rows.tenant("Northpark")
    rows.credential(rows.app(tenant))
    page.goto(address + tenant.get_absolute_url())
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("list").filter(has_text="1 app registration")).to_contain_text("1 secret")
    page.get_by_role("link", name="Cancel").click()
    assert Tenant.objects.exists()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete Northpark").click()
    expect(page.get_by_role("status").filter(has_text="“Northpark” is deleted.")).to_be_visible()
    assert not Tenant.objects.exists()


def test_on_a_narrow_screen_the_menu_stands_open(signed_in: Page, address: str) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address + reverse("overview"))
    page.get_by_role("link", name="Secrets", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Secrets")
    for useless in ("Menu", "Close the menu", "Dark"):
        expect(page.get_by_role("button", name=useless)).to_have_count(0)


def test_step_3_of_the_guide_lists_what_is_ticked_at_once(
    signed_in: Page, address: str, administrator: User, rows: Rows
) -> None:
    """By its style sheet: nothing has to be saved first."""
    page = signed_in
    app = rows.app(permissions=["Mail.Send"])
    guide = SetupProgress.objects.create(person=administrator, tenant=app.tenant, app=app)
    page.goto(address + reverse("guide-permissions", args=[guide.pk]))
    listed = page.locator(".for-whole dd:visible")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text(["Mail.Send"])
    page.get_by_label("SMTP.SendAsApp").check()
    expect(page.get_by_text("Mail.ReadWrite", exact=True)).to_be_hidden()
    page.get_by_label("Also Mail.ReadWrite").check()
    expect(listed).to_have_count(2)
    expect(page.get_by_text("Mail.ReadWrite", exact=True)).to_be_visible()
    page.get_by_label("Mail.Send:").uncheck()
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text(["SMTP.SendAsApp"])
    page.get_by_label("only the sending mailbox.").check()
    expect(listed).to_have_count(0)
    expect(page.get_by_text("add no permission in the portal")).to_be_visible()
