"""A demonstration that runs, and a real browser in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from sandbox.control import Control
from tests.start.installation import Installation

CHROMIUM = "/usr/bin/chromium"
# Without the last three the browser asks hosts of its maker, which a test machine may not reach.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 20_000
"""Milliseconds: the machine may be busy with other tests."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Demonstration:
    installation: Installation
    control: Control
    """The sandbox, in its own process."""
    control_url: str

    @property
    def url(self) -> str:
        return self.installation.url

    def to_register(self) -> dict[str, str]:
        """What a newcomer types, as the file for them says it."""
        file = self.installation.data_dir / "sandbox" / "to-register.txt"
        lines = [line.split(":", 1) for line in file.read_text().splitlines()]
        return {label.strip(): value.strip() for label, value in lines}


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    folder: Path = tmp_path_factory.mktemp("journey") / "data"
    installation = Installation(folder, "--demo", "--data", str(folder))
    try:
        installation.wait_until_ready()
        told = next(line for line in installation.lines if "_sandbox/mailbox" in line).split()
        url = next(word for word in told if word.startswith("https://")).split("/_sandbox")[0]
        yield Demonstration(installation, Control(url, folder / "sandbox" / "ca.pem"), url)
    finally:
        installation.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    # The sandbox's certificate is its own, as the newcomer is told.
    context = browser.new_context(ignore_https_errors=True, locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Whatever the browser complains of, such as a breach of the content security policy, fails the test."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    assert complaints == []
