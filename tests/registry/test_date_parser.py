"""Dates in the layouts of portals, spreadsheets, scripts and people, in several languages."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.dates import MONTHS
from hypothesis import example, given
from hypothesis import strategies as st

from alertadmin.registry.date_parser import EXCEL_EPOCH, LANGUAGES, DayOrder, readings, settled_order
from alertadmin.registry.input_validation import parse_expiry

LAST = date(2027, 12, 31)
DAYS = st.dates(date(1970, 1, 1), date(9998, 12, 31))
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    "text",
    [
        "2027-12-31",  # ISO 8601
        "20271231",  # ISO 8601, basic
        "2027/12/31",  # Windows, ja-JP and zh-CN
        "2027.12.31.",  # Windows, hu-HU
        "31/12/2027",  # Windows, en-GB and fr-FR
        "12/31/2027",  # Windows, en-US
        "31.12.2027",  # Windows, de-DE
        "31-12-2027",  # Windows, nl-NL
        "12/31/27",
        "31/12/27",
        "31 déc. 2027",
        "31 décembre 2027",
        "vendredi 31 décembre 2027",
        "Dec 31, 2027",
        "December 31st, 2027",
        "Friday, December 31, 2027",
        "31-Dec-2027",  # SQL Server and Oracle
        "31. Dezember 2027",
        "Freitag, 31. Dezember 2027",
        "31 de diciembre de 2027",
        "31 dicembre 2027",
        "31 grudnia 2027",
        "46752",  # Excel's serial number
        "\u200e31\u200e/\u200e12\u200e/\u200e2027",  # Windows puts direction marks between the parts
        "\ufeff 31\u00a0déc.\u202f2027 ",
        "３１/１２/２０２７",
        '"31/12/2027"',
    ],
)
def test_a_date(text: str) -> None:
    assert [reading.value for reading in readings(text)] == [LAST]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12/31/2027 11:59:59 PM", time(23, 59, 59)),  # the portal, en-US
        ("12/31/2027, 11:59 PM", time(23, 59)),
        ("31/12/2027 23:59:59", time(23, 59, 59)),
        ("31.12.2027 23:59:59", time(23, 59, 59)),
        ("31.12.2027, 23.59 Uhr", time(23, 59)),
        ("31/12/2027 à 23h59", time(23, 59)),
        ("31/12/2027 12:00 AM", time(0)),
        ("31/12/2027 12:00 p.m.", time(12)),
        ("31 Dec 2027 9 pm", time(21)),
        ("2027-12-31 14:30", time(14, 30)),
        ("46752.5", time(12)),
        ("46752,75", time(18)),
        ("Friday, 31 December 2027 00:00:00", time(0)),  # .NET "F"
    ],
)
def test_a_date_with_a_time(text: str, moment: time) -> None:
    assert [reading.value for reading in readings(text)] == [datetime.combine(LAST, moment)]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2027-12-31T00:00:00Z", 0),  # Microsoft Graph
        ("2027-12-31T00:00:00.0000000Z", 0),  # .NET "O"
        ("2027-12-31T00:00:00.0000000+01:00", 1),
        ("2027-12-31 00:00:00 +0100", 1),
        ("31/12/2027 00:00:00 +00:00", 0),
        ("Fri Dec 31 2027 00:00:00 GMT+0100", 1),  # JavaScript
        ("/Date(1830211200000)/", 0),  # ConvertTo-Json of Windows PowerShell
        (r"\/Date(1830211200000)\/", 0),
        ("31 décembre 2027 00:00:00 UTC", 0),
    ],
)
def test_a_date_with_an_offset(text: str, offset: int) -> None:
    expected = datetime(2027, 12, 31, tzinfo=timezone(timedelta(hours=offset)))
    [reading] = readings(text)
    assert isinstance(reading.value, datetime)
    assert reading.value.utcoffset() is not None
    assert reading.value == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "never",
        "12",
        "2027",
        "Dec 2027",
        "31/12",
        "31/31/2027",
        "29/02/2027",
        "2027-13-01",
        "12345",  # a day in 1933
        "99999999999",
        "11:59",
        "31/12/2027 25:00",
        "31/12/2027 13:00 PM",
        "~xO8Q~9k3LmN0pQrStUvWxYz1234567890abcdef",
        "6513270e-269e-4d37-b2a7-4de452e6b438",
        "31 12 2027 2028",
        "31 foo 2027",
        "1" * 5000,
        "/Date(999999999999999)/",
        "2027-12-31T00:00:00+99:99",
    ],
)
def test_no_date(text: str) -> None:
    assert readings(text) == ()
    with pytest.raises(ValidationError) as refused:
        parse_expiry(text, PARIS)
    assert refused.value.code == "invalid"
    assert len(text) < 20 or text not in str(refused.value)


@given(
    day=DAYS,
    pattern=st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y"]),
)
def test_layouts_with_one_reading_give_the_day_back(day: date, pattern: str) -> None:
    # strftime pads no year before 1000, which is out of range anyhow
    assert [reading.value for reading in readings(day.strftime(pattern))] == [day]


@given(day=DAYS, language=st.sampled_from(LANGUAGES))
def test_months_in_words_are_read_in_every_language(day: date, language: str) -> None:
    with translation.override(language):
        text = f"{day.day} {MONTHS[day.month]} {day.year}"
    assert [reading.value for reading in readings(text)] == [day], text


@given(day=DAYS, separator=st.sampled_from("/- "))
@example(day=date(2027, 4, 3), separator="/")
@example(day=date(2027, 4, 4), separator="/")
def test_digits_in_either_order_have_every_reading_that_is_a_day(day: date, separator: str) -> None:
    text = separator.join((f"{day.day:02}", f"{day.month:02}", f"{day.year:04}"))
    found = {reading.value: reading.order for reading in readings(text)}
    assert day in found
    if day.day == day.month:
        assert found == {day: None}
    elif day.day > 12:
        assert found == {day: DayOrder.DAY_FIRST}
    else:
        assert found == {day: DayOrder.DAY_FIRST, date(day.year, day.day, day.month): DayOrder.MONTH_FIRST}


@given(day=DAYS)
def test_serial_numbers_of_excel(day: date) -> None:
    serial = (datetime.combine(day, time()) - EXCEL_EPOCH).days
    assert [reading.value for reading in readings(str(serial))] == [day]


@given(text=st.text(max_size=40) | st.from_regex(r"[0-9/.\-: ]{1,30}", fullmatch=True))
def test_any_text_is_read_or_not_and_never_fails(text: str) -> None:
    found = readings(text)
    assert len(found) <= 2
    for reading in found:
        assert isinstance(reading.value, date)


def test_two_readings_are_asked_about_and_an_order_decides() -> None:
    with pytest.raises(ValidationError) as asked:
        parse_expiry("03/04/2027", PARIS)
    assert asked.value.code == "ambiguous"
    [words] = asked.value.messages
    assert words == "This can be 3 April 2027 or 4 March 2027. Write it as 2027-04-03 or 2027-03-04."
    assert parse_expiry("03/04/2027", PARIS, DayOrder.DAY_FIRST) == datetime(2027, 4, 2, 22, tzinfo=UTC)
    assert parse_expiry("03/04/2027", PARIS, DayOrder.MONTH_FIRST) == datetime(2027, 3, 3, 23, tzinfo=UTC)
    # An order that would be no day is not insisted on.
    assert parse_expiry("12/31/2027", PARIS, DayOrder.DAY_FIRST) == datetime(2027, 12, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        ([], None),
        (["03/04/2027"], None),
        (["03/04/2027", "31/12/2027"], DayOrder.DAY_FIRST),
        (["03/04/2027", "12/31/2027", "01/13/2027"], DayOrder.MONTH_FIRST),
        (["31/12/2027", "12/31/2027"], None),
        (["2027-12-31", "31.12.2027", "12/12/2027", "31 Dec 2027", "nonsense", ""], None),
    ],
)
def test_a_file_settles_the_order_where_its_certain_dates_agree(texts: list[str], order: DayOrder | None) -> None:
    assert settled_order(iter(texts)) == order
