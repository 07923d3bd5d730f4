"""A demonstration that runs (`./run --demo`), and the browser to look at it with."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from sandbox.control.client import Control
from tests.supervisor.installation import Installation

CHROMIUM = "/usr/bin/chromium"
# Without the last three the browser asks hosts of its maker, which a test machine may not reach.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"


@contextmanager
def browsing() -> Iterator[Browser]:
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
    key: str
    """Opens the sandbox's own pages."""

    @property
    def url(self) -> str:
        return self.installation.url

    def mailbox_page(self, path: str) -> str:
        """Where the sandbox shows what it was sent."""
        return f"{self.control_url}/_sandbox/mailbox/{path}?key={self.key}"

    def to_register(self) -> dict[str, str]:
        """What a newcomer types, as the file for them says it."""
        file = self.installation.data_dir / "sandbox" / "to-register.txt"
        lines = [line.split(":", 1) for line in file.read_text().splitlines()]
        return {label.strip(): value.strip() for label, value in lines}

    def become_its_administrator(self, page: Page, email: str, name: str = "") -> None:
        """By the link that the start printed; leads to the overview."""
        page.goto(self.installation.link)
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Start").click()
        page.get_by_role("heading", name="Action required").wait_for()


@contextmanager
def demonstrating(folder: Path) -> Iterator[Demonstration]:
    # One at a time until it has its ports: two would find the same preferred ones free.
    with (Path(tempfile.gettempdir()) / "alertadmin-test-demo.lock").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        installation = Installation(folder, "--demo", "--data", str(folder))
        try:
            installation.wait_until_ready()
        except BaseException:
            installation.stop()
            raise
    try:
        told = next(line for line in installation.lines if "_sandbox/mailbox" in line).split()
        url, key = next(word for word in told if word.startswith("https://")).split("/_sandbox/mailbox/?key=")
        yield Demonstration(installation, Control(url, folder / "sandbox" / "ca.pem", key=key), url, key)
    finally:
        installation.stop()
