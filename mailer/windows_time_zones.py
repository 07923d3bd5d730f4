"""Windows' names of time zones in the tz database, as `tzutil`, Outlook, PowerShell and the Azure portal write them.

Three kinds: the key ("W. Europe Standard Time"), the display name ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, …") in
Windows' language, and the cities of it alone ("Paris, Madrid"). Source of the mapping: CLDR, windowsZones.xml, as
exchangelib has it. A display name is read by its cities: one that the tz database has decides, in any language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_DISPLAY = re.compile(r"\((?:utc|gmt)\s*(?:([+-])\s*(\d{1,2}):\s*(\d{2}))?\)\s*(.+)")
_IN_PARENTHESES = re.compile(r"\s*\(.*\)")
_ISLANDS = re.compile(r"\s+(?:islands?|is\.?)$")
_WITHOUT_CITY = {
    "abu dhabi": "Arabian Standard Time",
    "alaska": "Alaskan Standard Time",
    "aleutian": "Aleutian Standard Time",
    "arizona": "US Mountain Standard Time",
    "astana": "Central Asia Standard Time",
    "atenas": "GTB Standard Time",
    "atene": "GTB Standard Time",
    "athen": "GTB Standard Time",
    "athenes": "GTB Standard Time",
    "atlantic time": "Atlantic Standard Time",
    "baja california": "Pacific Standard Time (Mexico)",
    "brasilia": "E. South America Standard Time",
    "cabo verde": "Cape Verde Standard Time",
    "canberra": "AUS Eastern Standard Time",
    "central america": "Central America Standard Time",
    "central time": "Central Standard Time",
    "chetumal": "Eastern Standard Time (Mexico)",
    "chokurdakh": "Russia Time Zone 10",
    "city of buenos aires": "Argentina Standard Time",
    "coordinated universal time": "UTC",
    "eastern time": "Eastern Standard Time",
    "edinburgh": "GMT Standard Time",
    "ekaterinburg": "Ekaterinburg Standard Time",
    "est": "Eastern Standard Time",
    "greenland": "Greenland Standard Time",
    "haiti": "Haiti Standard Time",
    "hawaii": "Hawaiian Standard Time",
    "indiana": "US Eastern Standard Time",
    "international date line west": "Dateline Standard Time",
    "kairo": "Egypt Standard Time",
    "kathmandu": "Nepal Standard Time",
    "kolkata": "India Standard Time",
    "koordinierte weltzeit": "UTC",
    "le caire": "Egypt Standard Time",
    "mid-atlantic": "UTC-02",
    "montagnes rocheuses": "Mountain Standard Time",
    "mountain time": "Mountain Standard Time",
    "new caledonia": "Central Pacific Standard Time",
    "newfoundland": "Newfoundland Standard Time",
    "nuku'alofa": "Tonga Standard Time",
    "pacific time": "Pacific Standard Time",
    "pacifique": "Pacific Standard Time",
    "port louis": "Mauritius Standard Time",
    "saint pierre and miquelon": "Saint Pierre Standard Time",
    "salvador": "Bahia Standard Time",
    "samoa": "Samoa Standard Time",
    "saskatchewan": "Canada Central Standard Time",
    "sri jayawardenepura": "Sri Lanka Standard Time",
    "temps universel coordonne": "UTC",
    "turks and caicos": "Turks And Caicos Standard Time",
    "west central africa": "W. Central Africa Standard Time",
    "yangon": "Myanmar Standard Time",
    "yukon": "Yukon Standard Time",
}
"""Places of display names that are no city in CLDR. "est" is the east of North America in French."""
_LOCALIZED_KEYS = {
    "europe de l'ouest": "W. Europe Standard Time",
    "mitteleuropaische zeit": "W. Europe Standard Time",
    "mitteleuropaische sommerzeit": "W. Europe Standard Time",
}
"""`StandardName` of a French and a German Windows."""


def tz_name(text: str) -> str | None:
    """The zone's name in the tz database, of a Windows name or a city; None if the text is neither.

    A display name whose cities lie in several zones is read by its offset; None if that does not decide.
    """
    key = plain(text)
    if found := _keys().get(re.sub(r" (?:daylight|summer) time\b", " standard time", key)):
        return found
    display = _DISPLAY.fullmatch(key)
    places = list(_places(display[4] if display else key))
    zones = _zones(places)
    if not display:
        if len(places) == 1 and places[0] in _cities():
            return _cities()[places[0]][0]
        return _one_of(zones) if len(zones) == len(places) else None
    offset = timedelta(hours=int(display[2] or 0), minutes=int(display[3] or 0)) * (-1 if display[1] == "-" else 1)
    return _one_of([zone for zone in zones if offset in _offsets(zone)] or zones)


def plain(text: str) -> str:
    """The text in lower case, without accents and invisible characters, with single spaces."""
    text = unicodedata.normalize("NFKD", text).casefold().replace("’", "'")
    text = "".join(character for character in text if unicodedata.category(character) not in ("Mn", "Cf"))
    return " ".join(text.split())


def _places(text: str) -> Iterator[str]:
    if coordinated := re.fullmatch(r"(?:coordinated universal time|koordinierte weltzeit)\s*([+-]\d{2})", text):
        yield f"utc{coordinated[1]}"
        return
    for place in _IN_PARENTHESES.sub("", text).split(","):
        yield _ISLANDS.sub("", place.strip())


def _zones(places: list[str]) -> list[str]:
    """The Windows zone of each place that is known, by its name in the tz database."""
    found = []
    for place in places:
        if place in _WITHOUT_CITY:
            found.append(_keys()[plain(_WITHOUT_CITY[place])])
        elif place in _cities():
            found.append(_cities()[place][1])
        elif place in _keys():
            found.append(_keys()[place])
    return found


def _one_of(zones: list[str]) -> str | None:
    return zones[0] if len(set(zones)) == 1 else None


def _offsets(zone: str) -> set[timedelta | None]:
    return {ZoneInfo(zone).utcoffset(datetime(2026, month, 15)) for month in (1, 7)}  # noqa: DTZ001 (local time)


@cache
def _keys() -> dict[str, str]:
    """Names in the tz database by Windows' keys, in lower case."""
    from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP  # slow to import, and rarely needed

    found = {plain(key): "UTC" if name == "Etc/UTC" else name for key, name in MS_TIMEZONE_TO_IANA_MAP.items()}
    return found | {key: found[plain(windows)] for key, windows in _LOCALIZED_KEYS.items()}


@cache
def _cities() -> dict[str, tuple[str, str]]:
    """By city, in lower case: its own name in the tz database, and the one of its Windows zone."""
    from exchangelib.winzone import CLDR_TO_MS_TIMEZONE_MAP

    found: dict[str, tuple[str, str]] = {}
    for name, (windows, _territory) in CLDR_TO_MS_TIMEZONE_MAP.items():
        area, _slash, city = name.rpartition("/")
        if area and area != "Etc":
            found.setdefault(plain(city.replace("_", " ")), (name, _keys()[plain(windows)]))
    return found
