"""A session that ends in the middle of something: a form, a page that asks again by itself."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from alertadmin.accounts.models import User
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import Mailbox, Tenant
from tests.conftest import NOW, PASSWORD
from tests.e2e.conftest import sign_in
from tests.factories import Rows

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("no_factor_asked")]


@pytest.fixture
def mailbox(rows: Rows) -> Mailbox:
    app = rows.app()
    return Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@northpark.example", transport="graph")


def sign_in_again(page: Page, user: User) -> None:
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_form_sent_too_late_leads_back_to_itself_and_says_that_nothing_was_stored(
    signed_in: Page, address: str, administrator: User
) -> None:
    page = signed_in
    page.goto(address + reverse("register"))
    page.fill("[name=tenant-name]", "Northpark")
    Session.objects.all().delete()
    page.get_by_role("button", name="Register").click()
    expect(
        page.get_by_role("alert").filter(has_text="Your session had expired, so your entries were not saved.")
    ).to_be_visible()
    sign_in_again(page, administrator)
    expect(page).to_have_url(address + reverse("register"))
    assert not Tenant.objects.exists()


def test_a_button_pressed_too_late_leads_back_to_the_page_that_it_stood_on(
    signed_in: Page, address: str, administrator: User, mailbox: Mailbox
) -> None:
    page = signed_in
    page.goto(address + mailbox.get_absolute_url())
    Session.objects.all().delete()
    page.get_by_role("button", name="Send test").click()
    sign_in_again(page, administrator)
    expect(page).to_have_url(address + mailbox.get_absolute_url())
    assert not mailbox.deliveries.exists()


def test_a_test_send_whose_viewer_is_signed_out_goes_to_the_door_and_back(
    signed_in: Page, address: str, administrator: User, mailbox: Mailbox
) -> None:
    page = signed_in
    delivery = test_send.create(mailbox, "me@northpark.example", now=NOW)
    progress = address + reverse("test-send-progress", args=[delivery.pk])
    page.goto(progress)
    expect(page.get_by_text("waiting for the worker")).to_be_visible()
    Session.objects.all().delete()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("heading", name="Test send")).to_have_count(0)
    sign_in_again(page, administrator)
    expect(page).to_have_url(progress)


@pytest.mark.parametrize("how", ["the line is cut", "an error comes back"])
def test_a_page_that_cannot_be_brought_up_to_date_says_so_until_it_can(
    context: BrowserContext, address: str, administrator: User, mailbox: Mailbox, how: str
) -> None:
    sign_in(context, address, administrator)
    page = context.new_page()  # whose browser may complain: of a cut line it does
    delivery = test_send.create(mailbox, "me@northpark.example", now=NOW)
    page.goto(address + reverse("test-send-progress", args=[delivery.pk]))
    trouble = page.get_by_role("alert").filter(has_text="This page could not be updated:")
    expect(trouble).to_be_hidden()
    page.route("**/progress/", lambda route: route.abort() if how == "the line is cut" else route.fulfill(status=502))
    expect(trouble).to_be_visible()
    expect(page.get_by_text("waiting for the worker")).to_be_visible()
    page.unroute("**/progress/")
    expect(trouble).to_be_hidden()
