"""Moments as people say them: how far away, rounded towards now; and exactly when, in the viewer's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone, translation
from hypothesis import example, given
from hypothesis import strategies as st

from alertadmin.dashboard.ui import humanize
from tests.conftest import NOW

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86_400))


@pytest.mark.parametrize(
    ("away", "ahead", "past"),
    [
        (timedelta(0), "just now", "just now"),
        (59 * SECOND, "in a moment", "just now"),
        (MINUTE, "in 1 minute", "1 minute ago"),
        (2 * HOUR - SECOND, "in 1 hour", "1 hour ago"),
        (DAY - SECOND, "in 23 hours", "23 hours ago"),
        (DAY, "in 1 day", "1 day ago"),
        (90 * DAY - SECOND, "in 89 days", "89 days ago"),
        (92 * DAY, "in 3 months", "3 months ago"),
        (730 * DAY, "in 23 months", "23 months ago"),
    ],
)
def test_how_far_away_it_is(away: timedelta, ahead: str, past: str) -> None:
    assert humanize.relative(NOW + away, NOW) == ahead
    assert humanize.relative(NOW - away, NOW) == past


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "31 Dec 2026, 23:30 UTC"),
        ("Europe/Paris", "1 Jan 2027, 00:30 CET"),
        ("America/Los_Angeles", "31 Dec 2026, 15:30 PST"),
        ("Asia/Kathmandu", "1 Jan 2027, 05:15 +0545"),
    ],
)
def test_exactly_when_it_is_where_the_viewer_is(zone: str, words: str) -> None:
    moment = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    with timezone.override(ZoneInfo(zone)):
        assert humanize.exact(moment) == words
        assert humanize.day(moment) == words.partition(",")[0]


def test_no_two_months_look_alike_in_french() -> None:
    with translation.override("fr"):
        days = [humanize.day(datetime(2026, month, 5, 12, tzinfo=UTC)) for month in range(1, 13)]
    assert days[5:7] == ["5 juin 2026", "5 juil. 2026"]
    assert len(set(days)) == 12


@given(st.timedeltas(timedelta(0), timedelta(days=4000)), st.timedeltas(timedelta(0), timedelta(days=4000)))
@example(timedelta(days=61), timedelta(days=90))
@example(timedelta(days=91), timedelta(days=92))
def test_what_is_further_away_never_sounds_nearer(one: timedelta, other: timedelta) -> None:
    nearer, further = sorted((one, other))
    assert seconds(humanize.relative(NOW + nearer, NOW)) <= seconds(humanize.relative(NOW + further, NOW))
    # Rounded towards now: there is never less time than is said.
    assert seconds(humanize.relative(NOW + nearer, NOW)) <= nearer / SECOND


def seconds(words: str) -> float:
    units = {"minute": MINUTE, "hour": HOUR, "day": DAY, "month": humanize.MONTH}
    parts = words.split()
    return int(parts[1]) * units[parts[2].rstrip("s")] / SECOND if len(parts) == 3 and parts[1].isdigit() else 0


def test_a_page_gives_both_and_machines_a_third() -> None:
    page = Template("{% load alertadmin_ui %}{% when value %}")
    with timezone.override(ZoneInfo("Europe/Paris")):
        shown = page.render(Context({"value": datetime(2001, 5, 1, 12, tzinfo=UTC)}))
    assert '<time datetime="2001-05-01T14:00:00+02:00">' in shown
    assert "months ago" in shown
    assert "1 May 2001, 14:00 CEST" in shown
    assert "–" in page.render(Context({"value": None}))
