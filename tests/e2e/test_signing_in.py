"""Ways in, by a real browser: a passkey, an authenticator app, a session that was ended from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from alertadmin.accounts.models import User
from tests.conftest import PASSWORD
from tests.e2e.conftest import sign_in
from tests.helpers.mfa import code

pytestmark = pytest.mark.journey


@pytest.fixture
def key(page: Page) -> Iterator[None]:
    """A security key in the machine, whose owner touches it and enters its PIN."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield
    devtools.detach()


def enter(page: Page, address: str, user: User) -> None:
    page.goto(address + reverse("sign-in"))
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.control(23)
def test_a_passkey_is_added_and_leads_in_with_the_password_and_without(
    page: Page, key: None, address: str, administrator: User
) -> None:
    enter(page, address, administrator)
    page.goto(address + reverse("security"))
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("my laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert len(re.findall(r"^\d{8}$", download.value.path().read_text(), re.MULTILINE)) == 10
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_text("my laptop").first).to_be_visible()
    # As the second step.
    page.get_by_role("button", name="Sign out").click()
    enter(page, address, administrator)
    expect(page.get_by_role("heading", name="Multifactor authentication")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(address + "/")
    # Then back to the requested page.
    page.get_by_role("button", name="Sign out").click()
    page.goto(address + reverse("credentials"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(address + reverse("credentials"))


@pytest.mark.control(23)
def test_an_app_is_added_and_asked_for(page: Page, address: str, administrator: User) -> None:
    cache.clear()
    enter(page, address, administrator)
    page.goto(address + reverse("security"))
    page.get_by_role("link", name="Add an app").click()
    secret = page.locator("dd .id").inner_text()
    page.get_by_label("The code that the app shows now").fill(code(secret=secret))
    page.get_by_role("button", name="Add").click()
    spare = page.locator(".codes li").first.inner_text()
    page.get_by_role("link", name="I have saved them").click()
    page.get_by_role("button", name="Sign out").click()
    enter(page, address, administrator)
    page.get_by_label("Code").fill("12")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This code is not right.")).to_be_visible()
    # The device is lost: a recovery code leads in.
    page.get_by_label("Code").fill(spare)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(address + "/")


@pytest.mark.control(24)
def test_a_session_that_was_ended_from_elsewhere_is_led_to_the_door(
    page: Page, browser: Browser, address: str, administrator: User
) -> None:
    elsewhere = browser.new_context(locale="en-GB")
    sign_in(elsewhere, address, administrator)
    lost = elsewhere.new_page()
    lost.goto(address + reverse("credentials"))
    enter(page, address, administrator)
    page.goto(address + reverse("security"))
    page.get_by_role("button", name="Sign out this session Chrome on Linux").click()
    expect(page.get_by_text("That session is signed out.")).to_be_visible()
    lost.reload()
    expect(lost.get_by_role("heading", name="Sign in")).to_be_visible()
    elsewhere.close()
