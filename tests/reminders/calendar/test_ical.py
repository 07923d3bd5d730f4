"""Expiries as iCalendar: with any names the output can be parsed, by the library and octet by octet."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from alertadmin.registry.input_validation import parse_expiry
from alertadmin.reminders.calendar import ical
from alertadmin.reminders.calendar.expiry_event import ExpiryEvent, day_of
from alertadmin.reminders.models import ReminderKind
from alertadmin.reminders.rules.schedule import DEFAULT, ReminderSchedule
from tests.reminders.calendar import ical_lint

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
END = ExpiryEvent(
    kind=ReminderKind.CREDENTIAL,
    thing=UUID("6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001"),
    ends_at=datetime(2026, 12, 24, 17, 30, tzinfo=UTC),
    moves=2,
    changed_at=datetime(2026, 5, 1, 6, 0, tzinfo=UTC),
    tenant=UUID("6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a002"),
    tenant_name="Northpark",
    app=UUID("6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a003"),
    app_name="ALERT",
    client_id="6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a004",
    what="alert server",
    plan=DEFAULT,
)
NAMES = st.text(
    st.one_of(st.sampled_from('\r\n\t\0\x0b\x85\u2028\x7f,;:\\"n🔑é \ud800'), st.characters()), max_size=120
)


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def event(content: bytes) -> Any:
    (one,) = events(content)
    return one


def test_an_end_is_an_instant_in_utc_with_all_that_is_asked_of_an_entry() -> None:
    written = ical.publish_method([END], NOW)
    calendar = Calendar.from_ical(written)
    assert (calendar["VERSION"], calendar["METHOD"], calendar["CALSCALE"]) == ("2.0", "PUBLISH", "GREGORIAN")
    assert str(calendar["PRODID"]).startswith("-//alertadmin//")
    one = event(written)
    assert one["UID"] == str(END.thing)
    assert ical_lint.values(written, "DTSTART") == ["20261224T173000Z"]
    assert ical_lint.values(written, "DTEND") == ["20261224T174500Z"]
    assert ical_lint.values(written, "DTSTAMP") == ["20261123T080000Z"]
    assert ical_lint.values(written, "LAST-MODIFIED") == ["20260501T060000Z"]
    assert (one["SEQUENCE"], one["TRANSP"], one["CLASS"]) == (2, "TRANSPARENT", "PRIVATE")
    assert one["SUMMARY"] == "Client secret of “ALERT” (“Northpark”) expires"
    assert one["URL"].endswith(f"/secrets/{END.thing}/")
    assert one["URL"] in one["DESCRIPTION"]
    assert "Before that, create a new secret in the Entra portal (App" in one["DESCRIPTION"]
    assert END.client_id in one["DESCRIPTION"]
    assert "ATTENDEE" not in one
    assert one["ORGANIZER"].startswith("mailto:")
    assert ical_lint.components(written) == ["VCALENDAR", "VEVENT", *["VALARM"] * 6]


@pytest.mark.parametrize(
    ("changes", "title", "words"),
    [
        (
            {"credential_kind": "certificate"},
            "Certificate of “ALERT” (“Northpark”) expires",
            "Before that, upload a new certificate in the Entra portal",
        ),
        (
            {"kind": ReminderKind.EWS, "what": "a@x.example"},
            "EWS of a@x.example (“Northpark”) is switched off",
            "Microsoft Graph",
        ),
        ({"state": "next"}, "Client secret of “ALERT” (“Northpark”) expires", "waiting to replace the one in use"),
        ({"state": "other"}, "Client secret of “ALERT” (“Northpark”) expires", "alertadmin does not send with it"),
        ({"state": "other"}, "Client secret of “ALERT” (“Northpark”) expires", "choose “No longer used”"),
    ],
)
def test_each_kind_says_what_it_is_and_what_to_do(changes: dict[str, Any], title: str, words: str) -> None:
    one = event(ical.publish_method([replace(END, **changes)], NOW))
    assert one["SUMMARY"] == title
    assert words in one["DESCRIPTION"]


def test_it_speaks_the_language_that_is_active_alarms_too() -> None:
    with translation.override("fr"):
        french = ical.publish_method([END], NOW).decode()
    assert "Le secret client de «\u00a0ALERT\u00a0»" in french.replace("\r\n ", "")
    assert "Expire dans 30 jours" in french
    assert "Expires in 30 days" in ical.publish_method([END], NOW).decode()


def test_alarms_stand_at_the_thresholds_that_are_ahead_the_earliest_first() -> None:
    alarms = event(ical.publish_method([END], NOW)).walk("VALARM")
    assert [one["TRIGGER"].dt for one in alarms] == [timedelta(days=-days) for days in (30, 14, 7, 3, 1, 0)]
    assert [one["DESCRIPTION"] for one in alarms][-2:] == ["Expires in 1 day", "Expires now"]
    assert {one["ACTION"] for one in alarms} == {"DISPLAY"}
    last_day = event(ical.publish_method([END], END.ends_at - timedelta(hours=3))).walk("VALARM")
    assert [one["TRIGGER"].dt for one in last_day] == [timedelta()]


def test_a_feed_holds_all_alarms_and_nothing_of_the_moment_it_is_asked_for() -> None:
    written = b"".join(ical.feed("Ends; all", [END, replace(END, thing=END.tenant, plan=ReminderSchedule((5,), 7, 7))]))
    first, second = events(written)
    assert [-one["TRIGGER"].dt.days for one in first.walk("VALARM")] == list(DEFAULT.thresholds)
    assert [-one["TRIGGER"].dt.days for one in second.walk("VALARM")] == [5]
    assert ical_lint.values(written, "DTSTAMP") == ["20260501T060000Z"] * 2


def test_a_feed_tells_its_name_its_colour_and_when_to_come_again() -> None:
    written = b"".join(ical.feed("Ends; all", []))
    head = dict(ical_lint.lines(written))
    assert head["NAME"] == head["X-WR-CALNAME"] == r"Ends\; all"
    assert head["REFRESH-INTERVAL;VALUE=DURATION"] == head["X-PUBLISHED-TTL"] == "PT6H"
    assert head["COLOR"] == "teal"
    assert head["METHOD"] == "PUBLISH"


def test_what_is_cancelled_is_the_same_entry_under_a_higher_number() -> None:
    written = ical.cancelled(str(END.thing), END.ends_at, 3, "Withdrawn", NOW)
    assert Calendar.from_ical(written)["METHOD"] == "CANCEL"
    one = event(written)
    assert (one["UID"], one["SEQUENCE"], one["STATUS"]) == (str(END.thing), 3, "CANCELLED")
    assert ical_lint.values(written, "DTSTART") == ["20261224T173000Z"]
    assert one["ORGANIZER"] == event(ical.publish_method([END], NOW))["ORGANIZER"]
    assert "VALARM" not in ical_lint.components(written)


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu"])
@pytest.mark.parametrize(
    "moment", [datetime(2027, 3, 28, 2, 30, tzinfo=UTC), datetime(2026, 10, 25, 2, 30, tzinfo=UTC, fold=1)]
)
def test_expiry_is_the_same_instant_in_any_zone(zone: str, moment: datetime) -> None:
    entered = moment.replace(tzinfo=ZoneInfo(zone))
    written = ical.publish_method([replace(END, ends_at=entered.astimezone(UTC))], NOW)
    assert event(written)["DTSTART"].dt == entered.astimezone(UTC)
    assert ical_lint.values(written, "DTSTART") == [entered.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")]


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 2, 28), date(2027, 12, 31)])
def test_expiry_known_by_its_day_is_an_entry_of_all_that_day(zone: str, day: date) -> None:
    ends_at = parse_expiry(day.isoformat(), ZoneInfo(zone))
    assert day_of(ends_at, ZoneInfo(zone)) == day
    end = replace(END, ends_at=ends_at, day=day_of(ends_at, ZoneInfo(zone)))
    for written in (ical.publish_method([end], NOW), b"".join(ical.feed("All", [end]))):
        assert ical_lint.values(written, "DTSTART") == [f"{day:%Y%m%d}"]
        assert ical_lint.values(written, "DTEND") == [f"{day + timedelta(days=1):%Y%m%d}"]
        one = event(written)
        assert (one["UID"], one["SEQUENCE"], one["DTSTART"].dt) == (str(END.thing), END.moves, day)
        assert "stops on this day" in one["DESCRIPTION"]
        assert one["DTSTART"].params["VALUE"] == "DATE"
        assert len(one.walk("VALARM")) > 0
    withdrawn = ical.cancelled(str(END.thing), day, 3, "Withdrawn", NOW)
    assert ical_lint.values(withdrawn, "DTSTART") == [f"{day:%Y%m%d}"]


@settings(max_examples=120, deadline=None)
@given(app=NAMES, tenant=NAMES, what=NAMES, name=NAMES)
def test_calendar_is_valid_with_any_names(app: str, tenant: str, what: str, name: str) -> None:
    end = replace(END, app_name=app, tenant_name=tenant, what=what)
    for written in (
        ical.publish_method([end], NOW),
        b"".join(ical.feed(name, [end])),
    ):
        assert ical_lint.components(written)[:2] == ["VCALENDAR", "VEVENT"]
        assert ical_lint.components(written).count("VEVENT") == 1
        title, explanation = ical.without_controls(end.title), ical.without_controls(end.explanation)
        assert ical_lint.text(ical_lint.values(written, "SUMMARY")[0]) == event(written)["SUMMARY"] == title
        assert (
            ical_lint.text(ical_lint.values(written, "DESCRIPTION")[0]) == event(written)["DESCRIPTION"] == explanation
        )
        assert ical_lint.values(written, "UID") == [str(END.thing)]
    withdrawn = ical.cancelled(str(END.thing), END.ends_at, 3, name, NOW)
    title = ical.without_controls(name)
    assert ical_lint.text(ical_lint.values(withdrawn, "SUMMARY")[0]) == event(withdrawn)["SUMMARY"] == title


@given(text=NAMES)
def test_cleaning_takes_out_what_no_calendar_can_hold_and_leaves_the_rest(text: str) -> None:
    cleaned = ical.without_controls(text)
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in cleaned.replace("\n", ""))
    kept = [one for one in text if unicodedata.category(one)[0] in "LNPS"]
    assert [one for one in cleaned if unicodedata.category(one)[0] in "LNPS"] == kept
