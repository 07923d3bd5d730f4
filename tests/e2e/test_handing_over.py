"""A secret is shown to a person without an account, by a one-time link."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.registry.models import Mailbox
from tests.e2e.conftest import PATIENCE, complaints_of
from tests.factories import Rows

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

VALUE = "CANARY~journey-0123456789"


def test_ada_makes_a_link_and_it_is_opened_once_in_another_browser(
    signed_in: Page, address: str, administrator: User, browser: Browser, rows: Rows, settings: Settings
) -> None:
    settings.PUBLIC_URL = address
    app = rows.app()
    rows.credential(app, value=VALUE)
    Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@northpark.example", transport="graph")
    page, sheet = signed_in, address + reverse("app-sheet", args=[app.pk])
    page.goto(sheet)
    page.get_by_label("Recipient").fill("Grace Holm")
    page.get_by_label("Purpose").last.fill("for ALERT on VF-SRV01")
    page.get_by_role("button", name="Create a one-time link").click()
    expect(page.get_by_role("heading", name="A one-time link for Grace Holm")).to_be_visible()
    link = page.locator(".copyable .id").inner_text()

    elsewhere = browser.new_context(locale="fr-FR", viewport={"width": 390, "height": 800}, color_scheme="dark")
    elsewhere.set_default_timeout(PATIENCE)
    grace = elsewhere.new_page()
    complaints = complaints_of(grace)
    grace.goto(link)
    expect(grace.get_by_role("heading", name="Un secret pour vous")).to_be_visible()
    grace.get_by_role("button", name="Le montrer une fois").click()
    expect(grace.get_by_text(VALUE)).to_be_visible()
    expect(grace.get_by_text(app.client_id)).to_be_visible()
    assert grace.evaluate("document.documentElement.scrollWidth <= innerWidth")
    grace.goto(link)
    expect(grace.get_by_role("heading", name="Ce lien n’est pas valable")).to_be_visible()
    assert complaints == []
    elsewhere.close()

    page.goto(sheet)
    expect(page.get_by_text("It was shown to Grace Holm on")).to_be_visible()
    page.goto(f"{address}{reverse('audit')}?act=secret.link_opened")
    expect(page.locator("main").get_by_role("cell", name="Secret shown by a one-time link")).to_have_count(1)
