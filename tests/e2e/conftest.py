"""A real browser, in front of a demonstration that runs, or of this process's own pages and rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from alertadmin.accounts.models import User
from tests.e2e.demo import Demonstration, browsing, demonstrating
from tests.helpers.login import signed_in_at

PATIENCE = 60_000
"""Milliseconds: the machine may be busy with other tests."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, beside which Django would refuse every query.
    with pytest.MonkeyPatch.context() as patch, browsing() as browser:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield browser


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    with demonstrating(tmp_path_factory.mktemp("journey") / "data") as demonstration:
        yield demonstration


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    # The sandbox's certificate is its own, as the newcomer is told.
    context = browser.new_context(ignore_https_errors=True, locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Any error in the browser, such as a violation of the content security policy, fails the test."""
    page = context.new_page()
    complaints = complaints_of(page)
    yield page
    assert complaints == []


def complaints_of(page: Page) -> list[str]:
    """Errors in its console and of its scripts, and dialogs, as they come; not that the page itself is a refusal."""
    complaints: list[str] = []

    def say(said: ConsoleMessage) -> None:
        if said.type == "error" and not (said.location["url"] == page.url and "status of" in said.text):
            complaints.append(said.text)

    def dialog(opened: Dialog) -> None:
        complaints.append(f"dialog: {opened.message}")
        opened.dismiss()

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", say)
    page.on("dialog", dialog)
    return complaints


@pytest.fixture
def address(live_server: LiveServer) -> str:
    """Of the pages of this very process, with the rows that the test makes; nothing is sent but by the test."""
    return str(live_server.url)


@pytest.fixture
def signed_in(page: Page, address: str, administrator: User) -> Page:
    """A blank page of a signed-in user."""
    sign_in(page.context, address, administrator)
    return page


def sign_in(context: BrowserContext, address: str, user: User) -> None:
    client = signed_in_at(Client(), user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
