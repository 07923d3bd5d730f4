"""Takes the pictures of the README anew, from a demonstration as a newcomer sees it:

python -m tests.journeys.pictures
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

from tests.journeys.demonstration import Demonstration, browsing, demonstrating
from tests.start.installation import PROJECT

FOLDER = PROJECT / "docs" / "images"
WIDTH, HEIGHT = 1280, 900


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        demonstrating(Path(folder) / "data") as demonstration,
        browsing() as browser,
    ):
        size = ViewportSize(width=WIDTH, height=HEIGHT)
        page = browser.new_page(viewport=size, locale="en-GB", color_scheme="light", reduced_motion="reduce")
        take_all(demonstration, page)


def take_all(demonstration: Demonstration, page: Page) -> None:
    demonstration.become_its_administrator(page, "ada@northpark.example", "Ada Lovelace")
    send_a_test(demonstration, page, "alarms@harbour.example", "Microsoft Graph")
    page.get_by_role("region", name="Diagnosis").wait_for()
    take(page, "test-send")
    send_a_test(demonstration, page, "alarms@northpark.example", "Microsoft Graph")
    page.get_by_role("heading", name="The message was accepted").wait_for()
    page.get_by_role("link", name="alarms@northpark.example").click()
    page.get_by_role("link", name="ALERT mail").first.click()
    page.get_by_text("The last test was accepted.").wait_for()
    take(page, "app")
    page.goto(f"{demonstration.url}/secrets/")
    take(page, "secrets")
    page.goto(f"{demonstration.url}/")
    take(page, "overview")


def send_a_test(demonstration: Demonstration, page: Page, mailbox: str, way: str) -> None:
    page.goto(f"{demonstration.url}/mailboxes/?q={mailbox}")
    page.get_by_role("link", name=mailbox, exact=True).click()
    page.get_by_label("By").select_option(label=way)
    page.get_by_role("button", name="Send test").click()


def take(page: Page, name: str) -> None:
    """As tall as the page is, but no taller than a screen and a half."""
    page.mouse.move(WIDTH - 1, 0)
    wanted = int(page.evaluate("document.querySelector('footer').getBoundingClientRect().bottom + scrollY"))
    page.set_viewport_size({"width": WIDTH, "height": min(max(wanted, HEIGHT), HEIGHT * 3 // 2)})
    page.screenshot(path=FOLDER / f"{name}.png")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


if __name__ == "__main__":
    main()
