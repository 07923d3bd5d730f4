"""More layouts of dates than test_date_parser.py has, from public reports and from what programs print.

Sources: `openssl x509 -enddate`, `date`, asctime and git; Oracle's DD-MON-RR; Go's time.String; JavaScript's
Date.toString and toLocaleString; ICU's full and medium formats; Get-Date and ToString of .NET in regional formats of
Windows; `az ad app credential list`; msgraph issues about endDateTime; Excel forums about texts that stay texts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.utils import translation
from django.utils.dates import MONTHS
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.registry.date_parser import LANGUAGES, MORE_LANGUAGES, readings

LAST = date(2027, 12, 31)
NIGHT = datetime.fromisoformat("2027-12-31T23:59")
SECOND = datetime.fromisoformat("2027-12-31T23:59:59")
WORLD = SECOND.replace(tzinfo=UTC)
READ = {
    "notAfter=Dec 31 23:59:59 2027 GMT": WORLD,
    "Dec 31 23:59:59 2027 GMT": WORLD,
    "Fri Dec 31 23:59:59 UTC 2027": WORLD,
    "Fri Dec 31 23:59:59 2027": SECOND,
    "Fri, 31 Dec 2027 23:59:59 GMT": WORLD,
    "Fri, 31 Dec 2027 23:59:59 +0000": WORLD,
    "2027-12-31 23:59:59 +0000 UTC": WORLD,
    "Fri Dec 31 2027 23:59:59 GMT+0000 (heure moyenne de Greenwich)": WORLD,
    "Sat Jan 01 2028 00:59:59 GMT+0100 (Central European Standard Time)": WORLD,
    "1830297599": WORLD,
    "1830297599000": WORLD,
    "/Date(1830297599000+0100)/": WORLD,
    "20271231T235959Z": WORLD,
    "20271231235959": SECOND,
    "20271231235959Z": WORLD,
    "202712312359": NIGHT,
    "2027-12-31T23:59:59.1234567Z": WORLD.replace(microsecond=123456),
    "2027-12-31T23:59:59.1234567+00:00": WORLD.replace(microsecond=123456),
    "31/12/2027 23:59:59 +00:00": WORLD,
    "31.12.2027 23:59:59 (UTC+00:00)": WORLD,
    "1/1/2028 12:59:59 AM +01:00": WORLD,
    "1 Jan 2028 00:59:59 CET": WORLD,
    "2028-01-01 01:59:59 MESZ": WORLD,
    "12/31/2027 6:59:59 PM EST": WORLD,
    "31 déc. 2027, 23:59:59 UTC+0": WORLD,
    "31-DEC-27 11.59.59.000000000 PM +00:00": WORLD,
    "31-DEC-27 11.59.59.000000 PM": SECOND,
    "31-DEC-27": LAST,
    "31-Dec-27": LAST,
    "31 Dec 27": LAST,
    "Dec 31, 27": LAST,
    "DEC 31 2027": LAST,
    "dec. 31, 2027": LAST,
    "2027-Dec-31": LAST,
    "31 DÉC. 2027": LAST,
    "31 de\u0301c. 2027": LAST,
    "vendredi 31 décembre 2027 à 23 h 59": NIGHT,
    "31 déc. 2027 à 23:59": NIGHT,
    "31 de dezembro de 2027 às 23:59": NIGHT,
    "31 de diciembre de 2027 a las 23:59": NIGHT,
    "venerdì 31 dicembre 2027 alle ore 23:59": NIGHT,
    "vrijdag 31 december 2027 om 23:59": NIGHT,
    "piątek, 31 grudnia 2027 o godz. 23:59": NIGHT,
    "den 31 december 2027 kl. 23:59": NIGHT,
    "31. desember 2027 kl. 23.59": NIGHT,
    "31.12.2027 klo 23.59": NIGHT,
    "31. prosince 2027 v 23:59": NIGHT,
    "31 декабря 2027 г., 23:59": NIGHT,
    "31 Aralık 2027 23:59": NIGHT,
    "31 ARALIK 2027": LAST,
    "01.01.26": date(2026, 1, 1),
    "05.12.27": date(2027, 12, 5),
    "31. joulukuuta 2027": LAST,
    "2027. december 31.": LAST,
    "31 decembrie 2027": LAST,
    "31 Δεκεμβρίου 2027": LAST,
    "2027年12月31日": LAST,
    "2027年12月31日 23:59": NIGHT,
    "2027년 12월 31일": LAST,
    "2027-12-31 下午 11:59": NIGHT,
    "31. 12. 2027": LAST,
    "31.12.2027.": LAST,
    "31‐12‐2027": LAST,
    "31−12−2027": LAST,
    "31⁄12⁄2027": LAST,
    "٣١/١٢/٢٠٢٧": LAST,
    "\u200e31\u200e/\u200e12\u200e/\u200e2027\u200e \u200e23\u200e:\u200e59": NIGHT,
    "31/12/2027\u202f23:59": NIGHT,
    "12/31/2027, 11:59\u202fPM": NIGHT,
    "31\u00a0déc.\u00a02027\u2009à\u200923:59": NIGHT,
    "2027-W52-5": LAST,
    "Expires: Dec 31, 2027": LAST,
    "Expires 12/31/2027": LAST,
    "Expire le 31/12/2027": LAST,
    "Läuft ab am 31.12.2027": LAST,
    "1er janvier 2028": date(2028, 1, 1),
    "1ᵉʳ janvier 2028": date(2028, 1, 1),
    "30. Juni 2027": date(2027, 6, 30),
    "30. JUNI 2027": date(2027, 6, 30),
    "mar. 2 mars 2027": date(2027, 3, 2),
    "mar. 2 mar. 2027": date(2027, 3, 2),
    "Mar 2 2027": date(2027, 3, 2),
}
ASKED = {
    "27-12-31": {date(2031, 12, 27), LAST},
    "29-03-28": {date(2028, 3, 29), date(2029, 3, 28)},
    "27/12/31": {date(2031, 12, 27), LAST},
    "27/05/12": {date(2012, 5, 27), date(2027, 5, 12)},
    "27-Dec-31": {date(2031, 12, 27), LAST},
    "01/02/28": {date(2028, 2, 1), date(2028, 1, 2)},
    "03/04/2027 11:59 PM": {
        datetime.fromisoformat("2027-04-03T23:59"),
        datetime.fromisoformat("2027-03-04T23:59"),
    },
}
NOT_READ = (
    "31/12/2027 23:59 CST", "31/12/2027 (dans 13 mois)", "31/12/2027 24:00", "31 sept 2027", "2027-366", "12.31.2027",
    "31 décembre", "tomorrow", "in 2 years", "P2Y", "never", "N/A", "0", "1830297599000000", "20273112",
    "2027-12-31T23:59:59+25:00", "31 mai juin 2027", "31/12/2027 31/12/2028",
)  # fmt: skip


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_read(text: str, value: date | datetime) -> None:
    [reading] = readings(text)
    assert reading.value == value
    assert type(reading.value) is type(value)


@pytest.mark.parametrize(("text", "values"), ASKED.items())
def test_asked(text: str, values: set[date]) -> None:
    assert {reading.value for reading in readings(text)} == values


@pytest.mark.parametrize("text", NOT_READ)
def test_not_read(text: str) -> None:
    assert readings(text) == ()


LAYOUTS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%y-%m-%d", "%d-%b-%y", "%b %d, %Y", "%d %b %Y", "%A, %B %d, %Y",
    "%a %b %d %Y", "%G-W%V-%u", "%d %m %Y",
)  # fmt: skip
TIMES = (
    "", " %H:%M", " %H:%M:%S", ", %I:%M:%S %p", "T%H:%M:%S", " %Hh%M", " %H:%M:%S +01:00", " %H:%M:%S GMT+0100",
    " %H:%M:%S Z",
)  # fmt: skip


@given(
    st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2036-12-31")).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.sampled_from(LAYOUTS),
    st.sampled_from(TIMES),
)
def test_a_written_date_is_read_as_itself_or_asked_about(moment: datetime, layout: str, clock: str) -> None:
    found = [reading.value for reading in readings(moment.strftime(layout + clock))]
    days = [value.date() if isinstance(value, datetime) else value for value in found]
    assert moment.date() in days or (not days and clock and layout in ("%G-W%V-%u", "%Y%m%d")), found
    for value in found:
        if isinstance(value, datetime):
            assert (value.hour, value.minute) == (moment.hour, moment.minute)
            offset = {"Z": timedelta(0)}.get(clock[-1:], timedelta(hours=1) if "01" in clock else None)
            assert value.utcoffset() == offset
    assert len(found) <= 2


@given(
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(LANGUAGES + MORE_LANGUAGES),
    st.sampled_from((str, str.upper, str.lower, str.title)),
    st.sampled_from(
        ("{d} {m} {y}", "{d}. {m} {y}", "{d}-{m}-{y}", "{m} {d}, {y}", "{y} {m} {d}", "{d}\u00a0{m}\u202f{y}")
    ),
)
def test_month_names_in_any_case(day: date, language: str, case: object, layout: str) -> None:
    assert callable(case)
    with translation.override(language):
        text = case(layout.format(d=day.day, m=MONTHS[day.month], y=day.year))
    assert [reading.value for reading in readings(text)] == [day], text


def test_an_offset_of_minutes() -> None:
    [reading] = readings("31/12/2027 23:59:59 +05:30")
    assert isinstance(reading.value, datetime)
    assert reading.value.tzinfo == timezone(timedelta(hours=5, minutes=30))
