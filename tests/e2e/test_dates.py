"""A typed expiry date: read back while it is typed, chosen where two are possible, picked from a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from alertadmin.registry.models import Credential
from tests.factories import Rows

pytestmark = pytest.mark.journey

VALUE = "abc8Q~canary.canary-canary_canary~canary12"


def test_a_date_is_read_back_picked_and_chosen(signed_in: Page, address: str, rows: Rows) -> None:
    page = signed_in
    app = rows.app(rows.tenant("Northpark", time_zone="Europe/Paris"))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.goto(address + reverse("credential-add", args=[app.pk]))
    page.get_by_label("Secret value").fill(VALUE)
    ends = page.get_by_label("Expires")
    end = datetime.now(UTC) + timedelta(days=400)
    ends.press_sequentially(f"{end:%d.%m.%Y} 23:59")
    reading = page.locator("#id_expires_at_reading")
    expect(reading).to_contain_text(f"Read as: {end.day} {end:%B %Y}, 23:59, Europe/Paris")
    page.locator("[data-fills=id_expires_at]").fill(f"{end:%Y}-05-17")
    expect(ends).to_have_value(f"{end:%Y}-05-17")
    expect(reading).to_contain_text(f"17 May {end:%Y}, 00:00, Europe/Paris")
    ends.fill(f"03/04/{end:%Y}")
    page.get_by_label(f"4 March {end:%Y}").check()
    assert any("expires_at" in one for one in sent)
    assert not any("canary" in one for one in sent)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**{reverse('credential', args=[Credential.objects.get().pk])}")
    assert Credential.objects.get().expires_at == datetime(end.year, 3, 4, tzinfo=app.tenant.zone)
