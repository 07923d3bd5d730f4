"""Dates as portals, spreadsheets and scripts write them, in any of LANGUAGES.

A text of digits such as 03/04/2027 has two readings; `readings` returns both, and the caller asks. Sources of the
layouts: .NET standard date and time format strings (round trip "O", general "G", JSON of Windows PowerShell), Excel
serial dates ("1900 date system"), the short dates of Windows' regional formats.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from functools import cache

from django.utils import translation
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.dates import MONTHS, MONTHS_3, MONTHS_ALT, MONTHS_AP, WEEKDAYS, WEEKDAYS_ABBR

from alertadmin.registry.text import ZERO_WIDTH

LANGUAGES = ("en", "fr", "de", "es", "it", "nl", "pt", "da", "sv", "nb", "pl", "cs")
"""Of month and weekday names, as Django's catalogues have them. (Finnish "mar" is November, elsewhere March.)"""
EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 (a spreadsheet knows no time zones)
"""Day 0 of the 1900 date system, for days after February 1900. Source: ECMA-376, 18.17.4.1."""
EXCEL_FIRST, EXCEL_LAST = 25569, 2958465
"""1970-01-01 and 9999-12-31: a smaller number is no expiry date."""
LONGEST = 80
"""Characters of the longest text that can be a date."""
FILLER = frozenset({"at", "um", "uhr", "a", "de", "of", "the", "le", "den", "der", "del", "kl", "om", "on", "et"})
"""Words between the parts of a date, without accents."""

_DOTNET_JSON = re.compile(r"\\?/date\((-?\d{1,15})(?:[+-]\d{4})?\)\\?/")
_SERIAL = re.compile(r"(\d{5,7})(?:[.,](\d+))?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:\s*[:h]\s*(?P<minute>\d{2})(?:[:m]\s*(?P<second>\d{2})(?:[.,]\d{1,12})?)?"
    r"|\.(?P<minute_de>\d{2})(?=\s*uhr)|(?=\s*[ap]\.?m))"
    r"\s*(?P<half>[ap])?(?(half)\.?m\.?)\s*(?:uhr)?\s*(?P<zone>z|utc|gmt|(?:utc|gmt)?[+-](?:0\d|1[0-4]):?[0-5]\d)?$"
)
_NUMBERS = re.compile(r"(\d{1,4})\s*([./-]|\s)\s*(\d{1,2})\s*(?:\2|\s)\s*(\d{1,4})\.?")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|eme|e|o|a|º|ª)\b")


class DayOrder(StrEnum):
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


@dataclass(frozen=True)
class Reading:
    value: date | datetime
    """A datetime if the text has a time; aware if it has an offset."""
    order: DayOrder | None = None
    """Of digits that could be read in another order; None where no other order was thinkable."""


def readings(text: str) -> tuple[Reading, ...]:
    """Return the dates that a text can mean: none, one, or two that differ in the order of day and month."""
    if len(text) > 2 * LONGEST or not (text := _normalized(text)) or len(text) > LONGEST:
        return ()
    exact = _iso(text) or _dotnet_json(text) or _serial(text) or _compact(text)
    if exact is not None:
        return (Reading(exact),)
    text, moment, zone = _split_time(text)
    found: dict[date, Reading] = {}
    for reading in _days(text):
        value = reading.value if moment is None else datetime.combine(reading.value, moment, zone)
        found.setdefault(value, Reading(value, reading.order))
    return tuple(found.values())


def settled_order(texts: Iterator[str]) -> DayOrder | None:
    """Return the order of day and month of a whole file: that of its dates which have one reading only, if they agree.

    Dates in words, in ISO order or with dots say nothing of the others.
    """
    orders = set()
    for text in texts:
        found = readings(text)
        if len(found) == 1 and found[0].order is not None:
            orders.add(found[0].order)
    return orders.pop() if len(orders) == 1 else None


def _normalized(text: str) -> str:
    """Lower case, one kind of space, no invisible characters and no accents."""
    text = unicodedata.normalize("NFKD", text.translate(dict.fromkeys(map(ord, ZERO_WIDTH))))
    text = "".join(character for character in text if not unicodedata.combining(character))
    return " ".join(text.lower().split()).strip(" \"'")


def _iso(text: str) -> date | datetime | None:
    text = re.sub(r"(?<=\d) ?t ?(?=\d)", "T", text).upper()
    try:
        return parse_date(text) or parse_datetime(re.sub(r"(?<=[\dZ]) (?=[+-]\d\d)", "", text))
    except ValueError:  # the right layout, but no such day
        return None


def _dotnet_json(text: str) -> datetime | None:
    if (match := _DOTNET_JSON.fullmatch(text)) is None:
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))
    except OverflowError:
        return None


def _serial(text: str) -> date | datetime | None:
    match = _SERIAL.fullmatch(text)
    if match is None or not EXCEL_FIRST <= int(match[1]) <= EXCEL_LAST:
        return None
    fraction = float(f"0.{match[2]}") if match[2] else 0.0
    moment = EXCEL_EPOCH + timedelta(days=int(match[1]), seconds=round(fraction * 86400))
    return moment if match[2] else moment.date()


def _compact(text: str) -> date | None:
    match = _COMPACT.fullmatch(text)
    return _day(int(match[1]), int(match[2]), int(match[3])) if match else None


def _split_time(text: str) -> tuple[str, time | None, timezone | None]:
    match = _TIME.search(text)
    if match is None or (match.start() and text[match.start() - 1] not in " ,t"):
        return text, None, None
    hour, minute = int(match["hour"]), int(match["minute"] or match["minute_de"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return text, None, None
        hour = hour % 12 + (12 if match["half"] == "p" else 0)
    try:
        moment = time(hour, minute, int(match["second"] or 0))
    except ValueError:
        return text, None, None
    day = text[: match.start()].rstrip(" ,t")
    before, _space, last = day.rpartition(" ")
    return before.rstrip(" ,") if last in FILLER else day, moment, _zone(match["zone"])


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    match = re.search(r"([+-])(\d{2}):?(\d{2})", text)
    if match is None:
        return UTC
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def _days(text: str) -> Iterator[Reading]:
    if match := _NUMBERS.fullmatch(text.strip(" ,")):
        yield from _of_numbers(match[1], match[2], match[3], match[4])
    elif day := _of_words(text):
        yield Reading(day)


def _of_numbers(first: str, separator: str, second: str, third: str) -> Iterator[Reading]:
    if len(first) == 4:
        if day := _day(int(first), int(second), int(third)):
            yield Reading(day)
        return
    if len(first) > 2 or len(third) not in (2, 4):
        return
    year = int(third) + (2000 if len(third) == 2 else 0)
    if int(first) == int(second) and (day := _day(year, int(second), int(first))):
        yield Reading(day)
        return
    if day := _day(year, int(second), int(first)):
        # Where dots separate them, the day is first.
        yield Reading(day, None if separator == "." else DayOrder.DAY_FIRST)
    if separator != "." and (day := _day(year, int(first), int(second))):
        yield Reading(day, DayOrder.MONTH_FIRST)


def _of_words(text: str) -> date | None:
    months, ignored = _names()
    numbers, month = [], 0
    for word in re.findall(r"\d+|[^\W\d_]+", _ORDINAL.sub("", text)):
        if word.isdigit():
            numbers.append(word)
        elif word in months and not month:
            month = months[word]
        elif word not in ignored:
            return None
    if not month or len(numbers) != 2:
        return None
    day, year = numbers if len(numbers[1]) == 4 else reversed(numbers)
    return _day(int(year), month, int(day)) if len(year) == 4 and len(day) <= 2 else None


@cache
def _names() -> tuple[dict[str, int], frozenset[str]]:
    """Month numbers by name in any language, but for names of two months; and words that say nothing of the day."""
    months: dict[str, set[int]] = defaultdict(set)
    ignored = set(FILLER)
    for language in LANGUAGES:
        with translation.override(language):
            for names in (MONTHS, MONTHS_ALT, MONTHS_3, MONTHS_AP):
                for number, name in names.items():
                    months[_word(name)].add(number)
            for names in (WEEKDAYS, WEEKDAYS_ABBR):
                ignored.update(_word(name) for name in names.values())
    months["sept"].add(9)
    certain = {name: numbers.pop() for name, numbers in months.items() if len(numbers) == 1}
    return certain, frozenset(ignored - certain.keys())


def _word(name: object) -> str:
    return _normalized(str(name)).strip(".")


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
