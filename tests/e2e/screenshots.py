"""Takes the pictures of the README anew, from a demonstration as a newcomer sees it:

python -m tests.e2e.screenshots
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

from tests.e2e.demo import Demonstration, browsing, demonstrating
from tests.e2e.png import recompress
from tests.supervisor.installation import PROJECT

FOLDER = PROJECT / "docs" / "screenshots"
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
    for path in FOLDER.glob("*.png"):
        recompress(path)


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
    take_forecast(page)
    page.goto(f"{demonstration.url}/reminders/")
    take(page, "policy", "main form")
    page.goto(f"{demonstration.url}/calendars/")
    page.get_by_role("button", name="Create an address").click()
    page.get_by_role("heading", name="It shows").wait_for()
    take(page, "calendar", "section:has(.things)")
    page.goto(f"{demonstration.url}/")
    take(page, "overview")
    take_mail(demonstration, page)


def take_forecast(page: Page) -> None:
    """Of a secret with some weeks to go, whose app has an owner and an escalation contact."""
    page.get_by_role("link", name="Backup notices").first.click()
    page.get_by_role("link", name="ALERT server").first.click()
    page.get_by_role("link", name="Change the reminder policy").click()
    page.get_by_label("Primary recipients").fill("backup@northpark.example")
    page.get_by_label("Escalation contacts", exact=False).first.fill("head-of-it@northpark.example")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved. It applies from the next scan.").wait_for()
    page.get_by_role("link", name="Backup notices").first.click()
    page.get_by_role("link", name="ALERT server").first.click()
    page.get_by_role("heading", name="Recipients and dates of reminders").wait_for()
    take(page, "forecast", "section:has(h2:text-is('Recipients and dates of reminders'))")


def take_mail(demonstration: Demonstration, page: Page) -> None:
    """The longest digest that arrived: in light, in dark, and on a telephone."""
    found = demonstration.control.ledger.messages()
    mail = max((one for one in found if "more)" in one["subject"]), key=lambda one: len(one["mime"]))
    browser = page.context.browser
    assert browser is not None
    for name, width, shade in (("mail", 760, "light"), ("mail-dark", 760, "dark"), ("mail-narrow", 390, "light")):
        size = ViewportSize(width=width, height=600)
        looking = browser.new_page(viewport=size, color_scheme=shade, ignore_https_errors=True)  # type: ignore[arg-type]
        looking.goto(demonstration.mailbox_page(f"message/{mail['number']}/html"))
        looking.screenshot(path=FOLDER / f"{name}.png", full_page=True)
        looking.close()


def send_a_test(demonstration: Demonstration, page: Page, mailbox: str, way: str) -> None:
    page.goto(f"{demonstration.url}/mailboxes/?q={mailbox}")
    page.get_by_role("link", name=mailbox, exact=True).click()
    page.get_by_label("By").select_option(label=way)
    page.get_by_role("button", name="Send test").click()


def take(page: Page, name: str, part: str = "") -> None:
    """Save the page, at most a screen high, or a part of it. The README shows them: keep each below 150 kB."""
    page.mouse.move(WIDTH - 1, 0)
    if part:
        page.locator(part).first.screenshot(path=FOLDER / f"{name}.png")
        return
    wanted = int(page.evaluate("document.querySelector('footer').getBoundingClientRect().bottom + scrollY"))
    page.set_viewport_size({"width": WIDTH, "height": min(wanted, HEIGHT)})
    page.screenshot(path=FOLDER / f"{name}.png")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


if __name__ == "__main__":
    main()
