"""Without a mouse: everything is reached in a sensible order, seen while it has the focus, and worked by its keys."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from alertadmin.accounts.models import User
from alertadmin.registry.models import Tenant
from tests.conftest import PASSWORD
from tests.factories import Rows

pytestmark = pytest.mark.journey


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> Locator:
    return page.locator(":focus")


def tab_to(page: Page, role: str, name: str | re.Pattern[str]) -> Locator:
    """Press Tab until the element has the focus."""
    wanted = page.get_by_role(role, name=name, exact=isinstance(name, str)).and_(focused(page))  # type: ignore[arg-type]
    for _step in range(60):
        press(page, "Tab")
        if wanted.count():
            return wanted
    raise AssertionError(f"no {role} named {name} was reached")


def test_the_first_tab_leads_past_the_menu(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    rows.credential()
    page.goto(address + reverse("overview"))
    press(page, "Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    press(page, "Enter", "Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.usefixtures("no_factor_asked")
def test_somebody_signs_in_and_registers_by_the_keyboard_alone(page: Page, address: str, administrator: User) -> None:
    page.goto(address + reverse("register"))
    tab_to(page, "textbox", "E-mail address")
    page.keyboard.type(administrator.email)
    press(page, "Tab")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Register a tenant, an app and its secret")).to_be_visible()
    tab_to(page, "textbox", "Name")
    page.keyboard.type("Northpark Energy")
    press(page, "Tab", "Tab")
    page.keyboard.type("common")
    press(page, "Enter")
    # The first mistake has the focus, and says what it is about.
    mistaken = page.get_by_role("textbox", name="Directory (tenant) ID")
    expect(mistaken).to_be_focused()
    expect(mistaken).to_have_accessible_description(
        re.compile(r"enter the Directory \(tenant\) ID from the app registration")
    )
    expect(mistaken).to_have_value("common")
    press(page, "Control+A")
    page.keyboard.type("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed")
    for name, text in (
        ("Contacts", "duty@northpark.example"),
        (re.compile("^Name"), "ALERT"),
        ("Application (client) ID", "9f2c7f3e-5d5f-4c52-8f0e-0d6c3a3f7d11"),
        ("Secret value", "abc8Q~canary.canary-canary_canary~canary12"),
        ("Expires", "2028-06-30"),
    ):
        tab_to(page, "textbox", name) if name != "Contacts" else tab_to(page, "textbox", re.compile("^Contacts"))
        page.keyboard.type(text)
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("ALERT")
    assert Tenant.objects.get().name == "Northpark Energy"


def test_what_has_the_focus_is_marked(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    rows.credential()
    page.goto(address + reverse("credentials"))
    seen = 0
    press(page, "Tab")
    while page.evaluate("document.activeElement !== document.body") and seen < 60:
        outline = page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).boxShadow"
        )
        assert outline != "nonenone", page.evaluate("document.activeElement.outerHTML")
        seen += 1
        press(page, "Tab")
    assert seen > 20


def test_a_list_is_sorted_narrowed_and_left_by_keys(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    for name in ("relay one", "relay two", "other"):
        rows.app(name=name)
    page.goto(address + reverse("apps"))
    tab_to(page, "searchbox", "Search")
    page.keyboard.type("relay")
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page).to_have_url(re.compile(r"q=relay"))
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_be_focused()
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
    tab_to(page, "link", re.compile("^Name"))
    press(page, "Enter")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("row").nth(1)).to_contain_text("relay two")
    tab_to(page, "link", "relay two")
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("relay two")
    page.go_back()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_have_value("relay")
    page.locator("select[name=audience]").select_option(index=1)
    expect(page).to_have_url(re.compile(r"audience=\w"))


def test_on_a_narrow_screen_the_menu_opens_keeps_the_focus_and_closes_by_escape(signed_in: Page, address: str) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address + reverse("overview"))
    tab_to(page, "button", "Menu")
    press(page, "Enter")
    menu = page.locator("#menu")
    expect(menu).to_be_focused()
    for _step in range(20):
        press(page, "Tab")
        assert page.evaluate("document.activeElement.closest('#menu') !== null")
    press(page, "Escape")
    expect(menu).to_be_hidden()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
