"""Names of time zones as users type and paste them.

Keys and display names as tzutil, Get-TimeZone, systeminfo and the Azure portal show them, in the language of Windows.
Sources: Microsoft's list of default time zones (English, Swedish), systeminfo and Get-TimeZone of French and
German machines in public reports, TZID lines of calendars of Outlook and Mozilla.
"""

from __future__ import annotations

import zoneinfo
from datetime import datetime

import pytest
from django.core.exceptions import ValidationError
from exchangelib.winzone import CLDR_TO_MS_TIMEZONE_MAP, MS_TIMEZONE_TO_IANA_MAP
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.accounts.time_zones import TimeZoneField, TimeZoneFormField, names, parse_time_zone, zone_or_utc
from alertadmin.registry.models import Tenant

TYPED = {
    "Europe/Paris": "Europe/Paris",
    " europe/paris ": "Europe/Paris",
    "America/New York": "America/New_York",
    "Europe/Kiev": "Europe/Kiev",
    "US/Eastern": "US/Eastern",
    "utc": "UTC",
    "CET": "CET",
    "W. Europe Standard Time": "Europe/Berlin",
    "w. europe standard time": "Europe/Berlin",
    "W. Europe Daylight Time": "Europe/Berlin",
    "Romance Standard Time": "Europe/Paris",
    "GMT Standard Time": "Europe/London",
    "UTC+12": "Etc/GMT-12",
    "\u200e(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna": "Europe/Berlin",
    "(UTC+01:00)\u00a0Amsterdam, Berlin, Berne, Rome, Stockholm, Vienne": "Europe/Berlin",
    "(UTC+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien": "Europe/Berlin",
    "(GMT + 01: 00) Amsterdam, Berlin, Berne, Rome, Stockholm, Vienne": "Europe/Berlin",
    "(UTC+01:00) Ámsterdam, Berlín, Berna, Roma, Estocolmo, Viena": "Europe/Berlin",
    "(UTC+01:00) Bruxelles, Copenhague, Madrid, Paris": "Europe/Paris",
    "(UTC+01:00) Brüssel, Kopenhagen, Madrid, Paris": "Europe/Paris",
    "(UTC+01:00) Bryssel, Köpenhamn, Madrid, Paris": "Europe/Paris",
    "(UTC+01:00) Sarajewo, Skopje, Warschau, Zagreb": "Europe/Warsaw",
    "(UTC+02:00) Athen, Bukarest": "Europe/Bucharest",
    "(UTC+00:00) Dublin, Edinburgh, Lissabon, London": "Europe/London",
    "(UTC) Coordinated Universal Time": "UTC",
    "(UTC-02:00) Coordinated Universal Time-02": "Etc/GMT+2",
    "(UTC-05:00) Eastern Time (US & Canada)": "America/New_York",
    "(UTC-05:00) Est (É.-U. et Canada)": "America/New_York",
    "(UTC-07:00) Chihuahua, La Paz, Mazatlan": "America/Mazatlan",
    "(UTC-04:00) Georgetown, La Paz, Manaus, San Juan": "America/La_Paz",
    "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi": "Asia/Shanghai",
    "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi": "Asia/Calcutta",
    "(UTC+06:30) Yangon (Rangoon)": "Asia/Rangoon",
    "(UTC-09:30) Marquesas Islands": "Pacific/Marquesas",
    "Paris, Madrid": "Europe/Paris",
    "Mitteleuropäische Zeit": "Europe/Berlin",
    "Vienna": "Europe/Vienna",
    "zürich": "Europe/Zurich",
    "/freeassociation.sourceforge.net/Europe/Berlin": "Europe/Berlin",
    "/mozilla.org/20050126_1/Europe/Paris": "Europe/Paris",
}
REFUSED = ("", " ", "Northpark", "Paris, Texas", "Berlin, Tokyo", "UTC+25", "(UTC+01:00) Northpark", "localtime",
           "Factory", "../../etc/passwd", "/etc/localtime", "Europe/", "x" * 5000, "\0", "(UTC+01:00)")  # fmt: skip


@pytest.mark.parametrize(("typed", "name"), TYPED.items())
def test_typed(typed: str, name: str) -> None:
    assert parse_time_zone(typed) == name
    assert TimeZoneFormField().clean(typed) == TimeZoneField().clean(typed, None) == name


@pytest.mark.parametrize("typed", REFUSED)
def test_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        parse_time_zone(typed)


def test_every_name_of_the_database_stays() -> None:
    assert {parse_time_zone(name) for name in names()} == set(names())
    assert all(parse_time_zone(name.lower()) == name for name in names())


def test_every_key_of_windows_is_known() -> None:
    for key, name in MS_TIMEZONE_TO_IANA_MAP.items():
        assert parse_time_zone(key) == ("UTC" if key == "UTC" else name)


@given(st.sampled_from(sorted(MS_TIMEZONE_TO_IANA_MAP)), st.data())
def test_cities_of_one_zone_name_it(key: str, data: st.DataObject) -> None:
    """As a display name: all, or some, of the cities of a Windows zone, among names of another language."""
    cities = [
        name.rpartition("/")[2].replace("_", " ")
        for name, (windows, _territory) in CLDR_TO_MS_TIMEZONE_MAP.items()
        if windows == key and not name.startswith("Etc/") and "/" in name
    ]
    if cities:
        some = data.draw(st.lists(st.sampled_from(cities), min_size=1, max_size=4, unique=True))
        offset = zoneinfo.ZoneInfo(MS_TIMEZONE_TO_IANA_MAP[key])
        text = f"{_offset(offset)} {', '.join([*some, 'Nordpark'])}"
        assert parse_time_zone(text) == MS_TIMEZONE_TO_IANA_MAP[key]


def _offset(zone: zoneinfo.ZoneInfo) -> str:
    found = datetime(2026, 1, 15, tzinfo=zone).strftime("%z")
    return f"(UTC{found[:3]}:{found[3:]})"


def test_stored_as_its_name() -> None:
    tenant = Tenant(name="Northpark", directory_id="11111111-1111-4111-8111-111111111111")
    tenant.time_zone = "(UTC+01:00) Bruxelles, Copenhague, Madrid, Paris"
    tenant.clean_fields()
    assert tenant.time_zone == "Europe/Paris"


@pytest.mark.parametrize(
    "stored", ["Mars/Olympus", "later", "", ".", "Europe", "../../etc/passwd", "a\0b", "x" * 300, "\udcff"]
)
def test_a_stored_zone_that_this_machine_does_not_know_is_utc(stored: str) -> None:
    assert zone_or_utc(stored).key == "UTC"


@given(st.text(max_size=300))
def test_no_stored_text_is_an_error(stored: str) -> None:
    assert zone_or_utc(stored).key in (stored, "UTC")
