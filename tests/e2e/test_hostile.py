"""Markup and scripts that a user enters are shown as text on every page."""

from __future__ import annotations

import json
import re
from uuid import UUID

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from alertadmin.accounts.models import User
from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.registry.models import Consent, Credential, Mailbox, SetupProgress
from alertadmin.reminders.models import CalendarFeed
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW
from tests.dashboard.url_inventory import address as at
from tests.dashboard.url_inventory import addresses
from tests.factories import Rows

pytestmark = [pytest.mark.journey, pytest.mark.control(35, 37)]

PAYLOAD = """"><img src=x onerror=alert(1)>'</textarea></title><script>alert(2)</script><svg/onload=alert(3)>{{7*7}}"""
SHORT = '"><svg/onload=alert(4)>'
NO_PAGES = {"healthz", "readyz", "import-template", "sign-out", "set_language", "calendar-feed"}
FORMS = ("guide", "register", "mailbox-add", "mailbox-add-on-premises", "diagnosis", "profile")


@pytest.fixture
def keys(rows: Rows, administrator: User) -> dict[str, UUID]:
    """Every text of every row is hostile, as if it had come past every form."""
    User.objects.update(name=PAYLOAD[:120])
    tenant = rows.tenant(PAYLOAD[:120], contacts=["duty@x.example"], domain=PAYLOAD, notes=PAYLOAD)
    app = rows.app(tenant, PAYLOAD[:120], redirect_uri=PAYLOAD, notes=PAYLOAD, permissions=[PAYLOAD, "Mail.Send"])
    credential = rows.credential(app, days=3, description=PAYLOAD, hint="<b>")
    mailbox = Mailbox.objects.create(
        tenant=tenant, address=f"{SHORT}@x.example", transport="ews", server=SHORT, username=PAYLOAD
    )
    Mailbox.objects.create(tenant=tenant, app=app, address="plain@x.example", transport="graph")
    Consent.objects.create(
        tenant=tenant, app=app, permission=SHORT, status="error", cause=SHORT, technical=PAYLOAD, roles=[PAYLOAD]
    )
    scanner.run(NOW)
    delivery = Delivery.objects.get(recipient="duty@x.example")
    Delivery.objects.update(state="failed", subject=PAYLOAD, text=PAYLOAD, html=PAYLOAD, cause=SHORT, reason=PAYLOAD)
    test = Delivery.objects.create(
        purpose="test",
        dedupe_key="t",
        recipient=f"{SHORT}@x.example",
        mailbox=mailbox,
        state="failed",
        message_id=PAYLOAD,
        cause="secret_wrong",
        reason=PAYLOAD,
    )
    for number, owner in enumerate((delivery, test), 1):
        Attempt.objects.create(
            delivery=owner,
            number=number,
            owner=tenant.pk,
            route=PAYLOAD,
            started_at=NOW,
            cause=SHORT,
            technical=PAYLOAD,
            request_ids={PAYLOAD: PAYLOAD},
            steps=[{"step": "message", "ms": 1, "detail": PAYLOAD}],
        )
    return {
        "guide": SetupProgress.objects.create(person=administrator, tenant=tenant, app=app, mailbox=mailbox).pk,
        "calendar": CalendarFeed.objects.create(owner=administrator, tenant=tenant, digest="0" * 64, created_at=NOW).pk,
        "tenant": tenant.pk,
        "app": app.pk,
        "credential": credential.pk,
        "mailbox": mailbox.pk,
        "delivery": delivery.pk,
        "test": test.pk,
    }


@pytest.mark.slow
def test_no_page_runs_what_a_row_says(signed_in: Page, address: str, keys: dict[str, UUID]) -> None:
    page = signed_in
    shown = 0
    for path in sorted({at(name, keys) for name in addresses() if name not in NO_PAGES}):
        page.goto(address + path)
        assert page.locator("img[src=x], svg[onload]").count() == 0, path
        assert page.locator("script:not([src]):not([type='application/json'])").count() == 0, path
        shown += page.get_by_text("<script>alert(2)</script>").count() > 0
    assert shown > 12


@pytest.mark.parametrize("name", FORMS)
def test_no_form_runs_what_is_typed_into_it(
    signed_in: Page, address: str, sandbox: Sandbox, rows: Rows, name: str
) -> None:
    page = signed_in
    rows.app()
    page.goto(address + reverse(name))
    for field in texts(page):
        field.fill(PAYLOAD)
    page.locator("main form button").last.click()
    page.wait_for_load_state()
    assert page.locator("img[src=x], svg[onload]").count() == 0
    assert not Credential.objects.filter(description__contains="script").exists()


def texts(page: Page) -> list[Locator]:
    return page.locator(
        "main form :is(input:not([type=hidden], [type=checkbox], [type=file], [type=radio]), textarea):visible"
    ).all()


@pytest.mark.parametrize("name", ["tenants", "apps", "credentials", "mailboxes", "consents", "deliveries"])
def test_no_list_runs_what_is_searched_for(signed_in: Page, address: str, rows: Rows, name: str) -> None:
    page = signed_in
    fill_a_list(rows)
    page.goto(address + reverse(name))
    page.get_by_role("searchbox", name="Search", exact=True).fill(PAYLOAD[:100])
    expect(page.get_by_text("No results.")).to_be_visible()
    expect(page).to_have_url(re.compile("script"))
    page.reload()
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_have_value(PAYLOAD[:100])
    # Nothing of what was seen is left in the browser's own storage.
    assert "Northpark" not in json.dumps(page.evaluate("({...sessionStorage, ...localStorage})"))


def fill_a_list(rows: Rows) -> None:
    app = rows.app()
    rows.credential(app)
    Mailbox.objects.create(tenant=app.tenant, app=app, address="a@x.example", transport="graph")
    Consent.objects.create(tenant=app.tenant, app=app, permission="Mail.Send")
    Delivery.objects.create(purpose="reminder", dedupe_key="d", recipient="a@x.example")
