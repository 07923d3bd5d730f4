"""The overview's bars: each counts what its link lists, in the viewer's own months."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import product
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertadmin.dashboard.credentials.table import credentials_table
from alertadmin.dashboard.overview.timeline import MONTHS, months, span, timeline
from alertadmin.dashboard.ui.badges import AMBER_DAYS, RED_DAYS
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Credential, CredentialState
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.postgresql

RED, AMBER = timedelta(days=RED_DAYS), timedelta(days=AMBER_DAYS)
ZONES = ["UTC", "Europe/Paris", "Pacific/Auckland", "America/Los_Angeles", "Pacific/Apia"]
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
moments = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))
around_months = st.builds(
    lambda month, seconds: datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=UTC) + timedelta(seconds=seconds),
    st.integers(9, 40),
    st.integers(-50_000, 50_000),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    now=moments.filter(lambda moment: moment.year < 2029),
    zone=st.sampled_from(ZONES),
    ends=st.lists(st.one_of(around_months, moments), max_size=12),
)
def test_a_bar_counts_what_its_link_lists(rows: Rows, now: datetime, zone: str, ends: list[datetime]) -> None:
    with transaction.atomic(), timezone.override(ZoneInfo(zone)):
        app = rows.app()
        states = ["current", "next", *["retired"] * len(ends)]
        made = [Credential(app=app, expires_at=end, state=state) for end, state in zip(ends, states, strict=False)]
        made += [Credential(app=other, expires_at=end) for end, other in zip(ends, other_apps(rows, ends), strict=True)]
        Credential.objects.bulk_create(made)
        bars = timeline(now, Credential.objects.watched())
        assert [bar.month for bar in bars] == months(now)
        for bar in bars:
            page = credentials_table(now).page(
                RequestFactory().get("/", {"ends": bar.query, "state": "watched"}), Credential.objects.all()
            )
            assert len(page.rows) == bar.count
            first, beyond = span(bar.month)
            assert all(first <= row.expires_at < beyond and row.expires_at > now for row in page.rows)
            assert (bar.count == 0) == (not bar.parts)
        transaction.set_rollback(True)


def other_apps(rows: Rows, ends: list[datetime]) -> list[AppRegistration]:
    tenant = rows.tenant()
    return [rows.app(tenant) for _end in ends]


def test_the_page_links_each_bar_to_the_secrets_that_it_counts(signed_in: Client, rows: Rows) -> None:
    app = rows.app()
    rows.credential(app, days=3)
    rows.credential(app, days=3, state="next")
    rows.credential(app, days=3, state="retired")
    rows.credential(days=400)
    with time_machine.travel(NOW, tick=False):
        page = signed_in.get(reverse("overview"))
        links = [unescape(link) for link in re.findall(r'href="(/secrets/\?ends=2[^"]+)"', page.content.decode())]
        bars = [bar for bar in page.context["timeline"] if bar.count]
        assert [bar.count for bar in bars] == [2, 1]
        assert [len(signed_in.get(link).context["page"].rows) for link in links] == [2, 1]


def test_every_number_of_the_overview_is_what_its_link_lists(signed_in: Client, rows: Rows) -> None:
    app = rows.app()
    for state, days in (("current", 400), ("next", 20), ("retired", 20)):
        rows.credential(app, days=days, state=state)
    rows.credential(days=-3)
    for state in ("pending", "sending", "sent"):
        Delivery.objects.create(purpose="reminder", dedupe_key=state, recipient="a@x.example", state=state)
    with time_machine.travel(NOW, tick=False):
        text = signed_in.get(reverse("overview")).content.decode()
        counts = text[text.index('<div class="counts">') :]
        found = re.findall(r'href="([^"]+)">\s*<span class="number">(\d+)', counts)
        assert len(found) == 6
        for link, number in found:
            assert len(signed_in.get(unescape(link)).context["page"].rows) == int(number), link


@pytest.mark.parametrize("urgency", ["bad", "warn", "good", "next"])
def test_a_bar_is_stacked_by_urgency(rows: Rows, urgency: str) -> None:
    days, state = {"bad": (2, "current"), "warn": (30, "current"), "good": (70, "current"), "next": (2, "next")}[
        urgency
    ]
    rows.credential(days=days, state=state)
    bars = [bar for bar in timeline(NOW, Credential.objects.watched()) if bar.count]
    assert [part.urgency for bar in bars for part in bar.parts] == [urgency]


def test_there_are_24_months_and_the_end_of_ews_is_marked_in_one() -> None:
    with timezone.override(UTC):
        bars = timeline(datetime(2026, 11, 30, 23, 59, tzinfo=UTC), Credential.objects.none())
    assert len(bars) == MONTHS == 24
    assert [f"{bar.month:%Y-%m}" for bar in bars if bar.ends_ews] == ["2027-04"]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/St_Johns"])
def test_each_secret_stands_in_its_month_by_its_urgency(rows: Rows, zone: str) -> None:
    with timezone.override(ZoneInfo(zone)):
        shown = months(NOW)
        edges = [NOW, NOW + RED, NOW + AMBER, *(span(month)[1] for month in shown)]
        ends = [edge + off for edge in edges for off in (-timedelta.resolution, timedelta(0), timedelta(hours=40))]
        for end, state in product(ends, ("current", "next")):
            app = rows.app()
            rows.credential(app, days=(end - NOW) / timedelta(days=1), state=state)
        secrets = Credential.objects.all()
        expected = Counter(place for secret in secrets if (place := place_of(secret))[0] in shown)
        drawn = {(bar.month, part.urgency) for bar in timeline(NOW, secrets) for part in bar.parts}
        assert drawn == set(expected)
        assert {bar.month: bar.count for bar in timeline(NOW, secrets)} == {
            month: sum(count for (where, _urgency), count in expected.items() if where == month) for month in shown
        }


def test_an_empty_house_has_empty_months(db: None) -> None:
    assert [bar.count for bar in timeline(NOW, Credential.objects.all())] == [0] * 24


def place_of(secret: Credential) -> tuple[date | None, str]:
    """Its month, or None for what has ended; and what it is drawn as."""
    month = timezone.localtime(secret.expires_at).date().replace(day=1) if secret.expires_at > NOW else None
    if secret.state == CredentialState.NEXT:
        return month, "next"
    left = secret.expires_at - NOW
    return month, "bad" if left < RED else "warn" if left < AMBER else "good"
