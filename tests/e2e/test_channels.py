"""A webhook, from pasting its address to seeing it work, and what the page says once it is broken."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from alertadmin.outbox import worker
from mailer.http.ssrf_guard import EgressAllowlist
from tests.factories import Rows
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

TOKEN = "token-5f1b2c3d-canary"


def test_a_webhook_is_added_tried_seen_to_work_and_broken(
    signed_in: Page, address: str, settings: Settings, rows: Rows
) -> None:
    rows.credential(days=2000)
    settings.INSIDE_TARGETS = EgressAllowlist.parse("127.0.0.0/8")
    page = signed_in
    with HttpServer() as receiver:
        receiver.routes[""] = reply(200, "ok")
        page.goto(f"{address}/channels/")
        page.get_by_role("link", name="Add a channel").first.click()
        page.get_by_role("link", name="Signed webhook").click()
        page.get_by_label("Name", exact=True).fill("Duty room")
        page.get_by_label("Address").fill("https://10.0.0.1/hook")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The address is inside the network")).to_be_visible()
        page.get_by_label("Address").fill(f"http://127.0.0.1:{receiver.port}/{TOKEN}")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="I have copied it").click()
        send_test(page)
        expect(page.get_by_role("heading", name="The channel was notified")).to_be_visible()
        receiver.routes = {"": reply(410)}
        page.get_by_role("link", name="Back to the channel").click()
        expect(page.get_by_text("works")).to_be_visible()
        assert TOKEN not in page.content()
        send_test(page)
        expect(page.get_by_text("The service does not know this address, or no longer does.")).to_be_visible()
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_text("channel failing")).to_be_visible()


def send_test(page: Page) -> None:
    """The page asks each second how far it is, while the worker sends."""
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("waiting for the worker")).to_be_visible()
    worker.deliver_due()
