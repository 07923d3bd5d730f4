"""Validation of pasted values: trimmed, recognised, and refused with messages that contain no secret."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alertadmin.registry import guid, input_validation
from alertadmin.registry.text import trimmed

SECRET = "fT48Q~0123456789abcdefghijklmnopqrstuvwx"
GUID = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

around = st.text(st.sampled_from(" \t\r\n\xa0\u2009\u3000\u200b\u2060\ufeff\u200e"), max_size=4)
zones = st.sampled_from(sorted(zoneinfo.available_timezones())).map(ZoneInfo)


@cache
def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The local times of a year's clock changes in a zone, to the minute."""
    found = []
    for day in range(366):
        before = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)
        after = before + timedelta(days=1)
        if offset(before, zone) == offset(after, zone):
            continue
        while after - before > timedelta(minutes=1):
            middle = before + (after - before) / 2
            before, after = (middle, after) if offset(before, zone) == offset(middle, zone) else (before, middle)
        found.append(after.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0))
    return found


def at(local: str) -> datetime:
    return datetime.fromisoformat(local)


def offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


@st.composite
def local_times(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """Any local time, often one near a clock change."""
    zone = draw(zones)
    changed = changes(zone, draw(st.integers(2001, 2060)))
    if not changed:
        return draw(st.datetimes(at("2000-01-03"), at("2060-01-01"))), zone
    return draw(st.sampled_from(changed)) + timedelta(minutes=draw(st.integers(-180, 180))), zone


def refusal(check: Callable[..., object], *arguments: object) -> ValidationError:
    with pytest.raises(ValidationError) as refused:
        check(*arguments)
    return refused.value


# A secret's value


@given(around, around)
def test_invisible_characters_around_a_secret_are_removed(before: str, after: str) -> None:
    assert input_validation.check_secret_value(before + SECRET + after) == SECRET


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100))
def test_printable_value_is_unchanged(value: str) -> None:
    if not guid.is_guid(value) and not input_validation.MASKED.search(value):
        assert input_validation.check_secret_value(value) == value


@pytest.mark.parametrize("text", [GUID, GUID.upper(), f"{{{GUID}}}", f"  {GUID}\n", GUID.replace("-", "")])
def test_a_secret_id_is_recognised_and_explained(text: str) -> None:
    refused = refusal(input_validation.check_secret_value, text)
    assert refused.code == "secret_id"
    assert "not its value" in refused.message


@pytest.mark.parametrize("text", ["fT4******************", "fT4••••••••", "●●●●●●", "fT48Q~0123…"])
def test_a_masked_value_is_recognised_and_explained(text: str) -> None:
    refused = refusal(input_validation.check_secret_value, text)
    assert refused.code == "masked"
    assert "shown only once" in refused.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\u200b ", "empty"),
        (f"{SECRET} 22/11/2028", "space"),
        (f"{SECRET}\n{SECRET}", "space"),
        (f"{SECRET[:20]}\u200b{SECRET[20:]}", "space"),
        (f"{SECRET[:20]}\0{SECRET[20:]}", "space"),
        ("x" * 1025, "long"),
        (f"{SECRET[:20]}\N{GRINNING FACE}{SECRET[20:]}", "not_ascii"),
        (f"{SECRET[:20]}\N{LATIN SMALL LETTER E WITH ACUTE}{SECRET[20:]}", "not_ascii"),
    ],
)
def test_impossible_secret_is_refused(text: str, code: str) -> None:
    assert refusal(input_validation.check_secret_value, text).code == code


@given(st.text(max_size=60))
@example(f"{SECRET} twice {SECRET}")
@example(GUID)
def test_refusal_never_contains_the_input(text: str) -> None:
    for check in (
        input_validation.check_secret_value,
        input_validation.check_directory_id,
        guid.normalize,
        lambda pasted_text: input_validation.parse_expiry(pasted_text, PARIS),
    ):
        assert SECRET[:8] not in words(check, SECRET + text)


def words(check: Callable[[str], object], text: str) -> str:
    """The error message for a text; empty if it is accepted."""
    try:
        check(text)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


# A directory's id


@given(around, around, st.uuids(), st.sampled_from(["{}", "{{{}}}"]), st.booleans(), st.booleans())
def test_id_is_stored_in_the_portals_format(
    before: str, after: str, value: object, braces: str, upper: bool, dashes: bool
) -> None:
    text = str(value) if dashes else str(value).replace("-", "")
    text = braces.format(text.upper() if upper else text)
    assert input_validation.check_directory_id(before + text + after) == str(value)
    assert re.search(guid.PATTERN, guid.normalize(before + text + after))


@pytest.mark.parametrize("word", ["common", "organizations", "consumers", " Common ", "\u200bORGANIZATIONS"])
def test_shared_authority_is_refused(word: str) -> None:
    refused = refusal(input_validation.check_directory_id, word)
    assert refused.code == "shared_authority"
    assert f'"{trimmed(word).lower()}"' in refused.messages[0]


def test_domain_is_refused_as_an_id() -> None:
    assert refusal(input_validation.check_directory_id, "northpark.onmicrosoft.com").code == "domain"


@pytest.mark.parametrize("text", ["1b9d6bcd", f"{GUID}0", f"{GUID[:-1]}g", "Northpark Energy", "1b9d6bcd-bbfd-4b2d"])
def test_invalid_id_is_refused_with_an_example(text: str) -> None:
    refused = refusal(input_validation.check_directory_id, text)
    assert refused.code == "not_a_guid"
    assert "looks like" in refused.messages[0]


# An end


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2027-12-31", "2027-12-30T23:00"),
        ("2027-07-31", "2027-07-30T22:00"),
        ("2027-12-31T14:30", "2027-12-31T13:30"),
        ("2027-12-31 14:30", "2027-12-31T13:30"),
        (" 2027-12-31T14:30:05\u200b", "2027-12-31T13:30:05"),
        ("2027-12-31T14:30Z", "2027-12-31T14:30"),
        ("2027-12-31T14:30:00.1234567Z", "2027-12-31T14:30:00.123456"),
        ("2027-12-31T14:30:00+05:30", "2027-12-31T09:00"),
        ("2020-01-01", "2019-12-31T23:00"),
        ("2299-12-31", "2299-12-30T23:00"),
    ],
)
def test_expiry_is_read_in_the_tenants_zone_and_stored_in_utc(text: str, end: str) -> None:
    assert input_validation.parse_expiry(text, PARIS) == at(end).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "31/13/2027",
        "2027-02-30",
        "2027-13-01",
        "soon",
        "2027",
        "0001-01-01",
        "1999-12-31",
        "9999-12-31T23:59Z",
        "9999-01-01",
    ],
)
def test_invalid_date_is_refused(text: str) -> None:
    assert refusal(input_validation.parse_expiry, text, PARIS).code == "invalid"


@settings(deadline=None)
@given(local_times())
def test_ambiguous_local_time_is_the_first_moment(place: tuple[datetime, ZoneInfo]) -> None:
    local, zone = place
    end = input_validation.parse_expiry(local.isoformat(), zone)
    shown = end.astimezone(zone).replace(tzinfo=None)
    if shown == local:
        # Not already shown an hour (or a half, or a day) before: of two such moments it is the first.
        for back in range(15, 26 * 60, 15):
            assert (end - timedelta(minutes=back)).astimezone(zone).replace(tzinfo=None) != local
    else:
        # No clock there ever showed it; then it is after the gap by as much as it was after its beginning.
        assert local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local
        assert shown > local


@given(st.dates(date(2000, 1, 3), date(2060, 1, 1)), zones)
def test_a_date_alone_is_the_first_moment_of_that_day(day: date, zone: ZoneInfo) -> None:
    begins = input_validation.parse_expiry(day.isoformat(), zone)
    assert begins.astimezone(zone).date() >= day  # later only where a whole day was left out, as in Samoa in 2011
    assert (begins - timedelta(seconds=1)).astimezone(zone).date() < day
    assert input_validation.parse_expiry(day, zone) == begins


@pytest.mark.parametrize(
    ("zone", "local", "end"),
    [
        ("Europe/Paris", "2027-03-28T02:30", "2027-03-28T01:30"),  # left out: clocks go from 2 to 3
        ("Europe/Paris", "2027-10-31T02:30", "2027-10-31T00:30"),  # twice: the first
        ("Africa/Cairo", "2027-04-30", "2027-04-29T22:00"),  # the day begins at one
        ("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45"),  # half an hour twice
    ],
)
def test_expiry_on_days_of_clock_changes(zone: str, local: str, end: str) -> None:
    assert input_validation.parse_expiry(local, ZoneInfo(zone)) == at(end).replace(tzinfo=UTC)


@given(st.datetimes(at("2000-01-03"), at("9998-12-29")), zones, zones)
def test_accepted_expiry_can_be_shown_in_every_zone(local: datetime, written: ZoneInfo, shown: ZoneInfo) -> None:
    input_validation.parse_expiry(local.isoformat(), written).astimezone(shown)


def test_expiry_beyond_the_portals_maximum_is_questioned() -> None:
    assert input_validation.implausible_expiry(NOW + timedelta(days=731), NOW) is None
    assert "24 months" in (input_validation.implausible_expiry(NOW + timedelta(days=732), NOW) or "")


def test_past_expiry_is_accepted_without_question() -> None:
    assert input_validation.implausible_expiry(input_validation.parse_expiry("2020-01-01", PARIS), NOW) is None
    assert "has passed" in (input_validation.expiry_question(NOW, NOW) or "")
    assert input_validation.expiry_question(NOW + timedelta(days=731), NOW) is None
    assert "24 months" in (input_validation.expiry_question(NOW + timedelta(days=732), NOW) or "")
