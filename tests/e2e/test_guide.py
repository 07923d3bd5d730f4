"""From nothing to a sent mail without leaving the guide: with a secret, with a certificate, and by the consent of
another directory's administrator in a browser of their own; each in fewer than twenty actions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from alertadmin.outbox import worker
from alertadmin.registry.models import Credential, KeptSecret, SetupProgress
from sandbox import Sandbox
from sandbox.state.models import SandboxApp, SandboxTenant
from tests.factories import cloud_slug

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

MOST_ACTIONS = 20


@dataclass
class Hand:
    """What a person does to the pages, counted: each field filled or chosen, each thing pressed."""

    page: Page
    actions: int = 0

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label).fill(text)
        self.actions += 1

    def select(self, label: str, value: str) -> None:
        self.page.get_by_label(label).select_option(value)
        self.actions += 1

    def choose(self, label: re.Pattern[str]) -> None:
        self.page.get_by_label(label).check()
        self.actions += 1

    def press(self, name: str) -> None:
        """A button or a link, the last of that name; what is not seen may follow it."""
        said = re.compile(f"^{re.escape(name)}")
        place = self.page.locator("main")
        place.get_by_role("button", name=said).or_(place.get_by_role("link", name=said)).last.click()
        self.actions += 1


@dataclass
class There:
    """Known to Microsoft only: a directory, an app with Mail.Send, its mailbox."""

    sandbox: Sandbox
    directory: SandboxTenant
    app: SandboxApp

    @property
    def address(self) -> str:
        return f"alarms@{self.directory.domain}"

    def secret(self) -> str:
        made = self.sandbox.directory.add_secret(self.app, expires_at=datetime(2036, 1, 1, tzinfo=UTC))
        return str(made.value)


@pytest.fixture
def hand(sandbox: Sandbox, signed_in: Page, address: str, settings: Settings) -> Hand:
    settings.PUBLIC_URL = address
    hand = Hand(signed_in)
    signed_in.goto(address + reverse("overview"))
    signed_in.get_by_role("link", name="Register", exact=True).click()
    hand.actions += 1
    return hand


def there(sandbox: Sandbox, *, multi_tenant: bool = False) -> There:
    domain = f"{uuid4().hex[:8]}.example"
    directory = sandbox.directory.add_tenant("Northpark Energy", domain)
    app = sandbox.directory.add_app(directory, "ALERT mail", multi_tenant=multi_tenant, wanted=["Mail.Send"])
    sandbox.directory.add_mailbox(directory, f"alarms@{domain}")
    return There(sandbox, directory, app)


def sent_by(world: There) -> list[dict[str, Any]]:
    return [one for one in world.sandbox.ledger.messages() if one["mailbox"] == world.address]


def find_the_directory(hand: Hand, world: There) -> None:
    hand.fill("Domain, or Directory (tenant) ID", world.directory.domain)
    hand.select("Cloud", cloud_slug(world.sandbox))
    hand.press("Find it")
    expect(hand.page.get_by_text(f"Found: directory {world.directory.directory_id}.")).to_be_visible()


def paste_the_client_id(hand: Hand, world: There) -> None:
    hand.fill("Application (client) ID", world.app.client_id)
    hand.press("Next")


def paste_a_secret(hand: Hand, world: There) -> None:
    hand.fill("Secret value", world.secret())
    hand.fill("Expires", "2028-06-30")
    hand.press("Save and verify")
    expect(hand.page.get_by_text("Verified and in use.")).to_be_visible()


def grant_it_at_microsoft(hand: Hand) -> None:
    """At Microsoft's own page, and back by its redirect."""
    hand.press("Grant consent at Microsoft")
    hand.page.get_by_role("button", name="Accept").click()
    hand.actions += 1


def enter_the_mailbox(hand: Hand, address: str) -> None:
    hand.fill("Address", address)
    hand.press("Save")


def send_a_test(hand: Hand) -> None:
    hand.press("Send test")
    expect(hand.page.get_by_text("waiting for the worker")).to_be_visible()
    worker.deliver_due()
    expect(hand.page.get_by_role("heading", name="The message was accepted")).to_be_visible()
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("7. Test send")
    assert hand.actions < MOST_ACTIONS


def test_a_wrong_date_keeps_the_pasted_secret(hand: Hand, sandbox: Sandbox) -> None:
    world = there(sandbox)
    find_the_directory(hand, world)
    hand.choose(re.compile("this dashboard"))
    paste_the_client_id(hand, world)
    hand.press("Next")
    hand.press("Next")
    secret = world.secret()
    hand.fill("Secret value", secret)
    hand.fill("Expires", "at the end of June")
    hand.press("Save and verify")
    expect(hand.page.get_by_label("Use what you entered")).to_be_checked()
    expect(hand.page.get_by_label("Secret value")).to_have_value("")
    assert secret not in hand.page.content()
    hand.fill("Expires", "2028-06-30")
    hand.press("Save and verify")
    expect(hand.page.get_by_text("Verified and in use.")).to_be_visible()
    stored = Credential.objects.get().value
    assert stored is not None
    assert stored.decrypt() == secret
    assert not KeptSecret.objects.exists()


def test_with_a_secret(hand: Hand, sandbox: Sandbox) -> None:
    world = there(sandbox)
    find_the_directory(hand, world)
    hand.choose(re.compile("this dashboard"))
    paste_the_client_id(hand, world)
    hand.press("Next")
    expect(hand.page.get_by_text("Consent can be granted now but not checked yet:")).to_be_visible()
    hand.press("Next")
    paste_a_secret(hand, world)
    expect(hand.page.get_by_text("Not granted yet: Mail.Send.")).to_be_visible()
    grant_it_at_microsoft(hand)
    expect(hand.page.get_by_text("Granted: a new token contains all required permissions.")).to_be_visible()
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("4. Consent")
    hand.press("Next")
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("6. Sending mailbox")
    enter_the_mailbox(hand, world.address)
    send_a_test(hand)
    assert [one["service"] for one in sent_by(world)] == ["graph"]
    hand.press("Next")
    hand.press("Close the guide")
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("ALERT mail")
    assert not SetupProgress.objects.exists()


def test_with_a_certificate_and_left_in_the_middle(hand: Hand, sandbox: Sandbox, address: str) -> None:
    world = there(sandbox)
    sandbox.directory.grant(world.app, "Mail.Send")
    find_the_directory(hand, world)
    paste_the_client_id(hand, world)
    hand.page.goto(address + reverse("overview"))
    hand.press("Continue")
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("3. Permissions")
    hand.press("Next")
    hand.press("Next")
    hand.press("Certificate, created here (safer)")
    hand.press("Create key and certificate")
    with hand.page.expect_download() as download:
        hand.press("Download the certificate")
    sandbox.directory.add_certificate(world.app, download.value.path().read_text())
    hand.press("Verify now")
    expect(hand.page.get_by_text("All required permissions are granted.")).to_be_visible()
    enter_the_mailbox(hand, world.address)
    send_a_test(hand)
    assert Credential.objects.get().kind == "certificate"


def test_by_the_consent_of_another_directory_s_administrator(hand: Hand, sandbox: Sandbox, browser: Browser) -> None:
    world, customer = there(sandbox, multi_tenant=True), there(sandbox)
    find_the_directory(hand, world)
    hand.choose(re.compile("for several customers"))
    hand.choose(re.compile("this dashboard"))
    paste_the_client_id(hand, world)
    hand.press("Next")
    hand.fill("Address", customer.address)
    hand.press("Next")
    hand.press("Next")
    paste_a_secret(hand, world)
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("4. Consent")
    hand.page.get_by_text("If someone else is the administrator").click()
    hand.actions += 1
    link = hand.page.locator(".quote .id").inner_text()
    consent_elsewhere(browser, link)
    hand.press("Check now")
    expect(hand.page.get_by_text("All required permissions are granted.")).to_be_visible()
    send_a_test(hand)
    assert len(sent_by(customer)) == 1


def consent_elsewhere(browser: Browser, link: str) -> None:
    """The customer's administrator, who has no account here."""
    context = browser.new_context(ignore_https_errors=True, locale="en-GB")
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    context.close()
