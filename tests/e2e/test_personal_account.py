"""A personal account, from nothing to a mail that left: the code is entered in another browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.demo import Demonstration

pytestmark = pytest.mark.journey
ADA = "ada@lakeside.example"
MOST_ACTIONS = 21
"""One of them confirms the account that signed in."""


class Acting:
    """Counts what a person does: each field filled, each choice, each click."""

    def __init__(self) -> None:
        self.count = 0

    def fill(self, page: Page, label: str, text: str) -> None:
        self.count += 1
        page.get_by_label(label, exact=True).fill(text)

    def choose(self, page: Page, label: str, option: str, *, exact: bool = True) -> None:
        self.count += 1
        page.get_by_label(label, exact=exact).select_option(label=option)

    def check(self, page: Page, label: str) -> None:
        self.count += 1
        page.get_by_label(re.compile(re.escape(label))).check()

    def press(self, page: Page, name: str, role: str = "button") -> None:
        self.count += 1
        page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """The account's owner, on another device."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 390, "height": 800})
    yield context.new_page()
    context.close()


def test_a_personal_account_from_nothing_to_a_sent_mail(demonstration: Demonstration, page: Page, phone: Page) -> None:
    told = demonstration.to_register()
    demonstration.become_its_administrator(page, ADA)
    acting = Acting()
    register_the_app(page, acting, told)
    acting.press(page, "Personal account", "link")
    acting.fill(page, "Address", told["Personal account"])
    acting.choose(page, "App registration", f"At home ({told['Primary domain']})")
    acting.press(page, "Save and get a code")
    code = page.locator("#sign-in dd").first.inner_text().split()[0]
    phone.goto(f"{demonstration.control_url}/link")
    acting.fill(phone, "Code displayed on your app or device", code)
    acting.press(phone, "Allow access")
    acting.choose(phone, "Sign in as", told["Personal account"], exact=False)
    acting.press(phone, "Accept")
    # The page sees it by itself, and asks whether this is the account.
    expect(page.get_by_role("heading", name="Is this the account?")).to_be_visible(timeout=30_000)
    acting.press(page, "Yes, allow it to send")
    expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
    acting.press(page, "Send a test", "link")
    expect(page.get_by_label("To", exact=True)).to_have_value(ADA)
    acting.press(page, "Send test")
    expect(page.get_by_role("heading", name="The message was accepted")).to_be_visible(timeout=30_000)
    assert acting.count < MOST_ACTIONS
    assert demonstration.control.ledger.messages()[-1]["mailbox"] == told["Personal account"]


def register_the_app(page: Page, acting: Acting, told: dict[str, str]) -> None:
    """The guide's first two steps: a directory, and an app in it that admits personal accounts."""
    acting.press(page, "Register", "link")
    acting.fill(page, "Domain, or Directory (tenant) ID", told["Primary domain"])
    acting.choose(page, "Cloud", told["Cloud"])
    acting.press(page, "Find it")
    acting.fill(page, "Name", "At home")
    acting.check(page, "Any Entra directory and personal Microsoft accounts")
    acting.fill(page, "Application (client) ID", told["Application (client) ID"])
    acting.press(page, "Next")
    acting.press(page, "Mailboxes", "link")
