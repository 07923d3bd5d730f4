"""Dates as portals, spreadsheets and scripts write them, in any of LANGUAGES.

A text of digits such as 03/04/2027 has two readings; `readings` returns both, and the caller asks. Sources of the
layouts: .NET standard date and time format strings (round trip "O", general "G", JSON of Windows PowerShell), Excel
serial dates ("1900 date system"), the short dates of Windows' regional formats, openssl, asctime, Oracle.
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

MORE_LANGUAGES = ("fi", "hu", "ro", "ru", "sk", "tr", "uk", "el")
"""Of full month names only: short ones mean another month elsewhere, as Finnish "mar"."""
LANGUAGES = ("en", "fr", "de", "es", "it", "nl", "pt", "da", "sv", "nb", "pl", "cs")
"""Of month and weekday names, as Django's catalogues have them."""
EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 (a spreadsheet knows no time zones)
"""Day 0 of the 1900 date system, for days after February 1900. Source: ECMA-376, 18.17.4.1."""
EXCEL_FIRST, EXCEL_LAST = 25569, 2958465
"""1970-01-01 and 9999-12-31: a smaller number is no expiry date."""
LONGEST = 80
"""Characters of the longest text that can be a date."""
FILLER = frozenset(
    {"at", "um", "uhr", "a", "as", "de", "of", "the", "le", "den", "der", "del", "kl", "klo", "om", "on", "et", "las"}
    | {"alle", "ore", "ora", "o", "godz", "v", "г", "r", "m", "d"}
)
"""Words between the parts of a date, without accents."""
FIRST_SHORT_YEAR = 26
"""Two digits from here on can be a year in first place ("27-12-31"); an earlier end would be long past."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2, "eest": 3, "wet": 0, "west": 1,
    "est": -5, "edt": -4, "cdt": -5, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
"""Hours of abbreviations that mean one zone (not CST, BST, IST and MST)."""

_DOTNET_JSON = re.compile(r"\\?/date\((-?\d{1,15})(?:[+-]\d{4})?\)\\?/")
_SERIAL = re.compile(r"(\d{5,7})(?:[.,](\d+))?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_COMPACT_TIME = re.compile(r"(\d{8})(\d{2})(\d{2})(\d{2})?(?:\.\d+)?(z)?")
_UNIX_TIME = re.compile(r"([1-4]\d{9})(\d{3})?(?:\.\d{1,9})?")
_OFFSET = r"(?:utc|gmt)?\s?[+-](?:0?\d|1[0-4])(?::?[0-5]\d)?"
_ZONE = rf"{_OFFSET}|{'|'.join(ZONES)}"
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:\s*[:h]\s*(?P<minute>\d{2})(?:[:m]\s*(?P<second>\d{2})(?:[.,]\d{1,12})?)?"
    r"|\.(?P<minute_oracle>\d{2})\.(?P<second_oracle>\d{2})(?:\.\d{1,9})?"
    r"|(?:(?<=kl\. \d\d)|(?<=klo \d\d))\.(?P<minute_nordic>\d{2})"
    r"|\.(?P<minute_de>\d{2})(?=\s*uhr)|(?=\s*[ap]\.?m))"
    rf"\s*(?P<half>[ap])?(?(half)\.?m\.?)\s*(?:uhr)?\s*\(?(?P<zone>{_ZONE})?\)?(?:\s*utc)?$"
)
_TIME_BEFORE_YEAR = re.compile(rf"(.*\d)\s+(\d{{1,2}}:\d{{2}}:\d{{2}})\s*({_ZONE})?\s+(\d{{4}})\s*({_ZONE})?")
"""Of `date`, asctime and openssl: "Fri Dec 31 23:59:59 UTC 2027", "Dec 31 23:59:59 2027 GMT"."""
_JAVASCRIPT_ZONE = re.compile(rf"({_OFFSET}) \([^()]*\)$")
_LABEL = re.compile(
    r"(?:not ?after|expir(?:es?|y|ation)(?: (?:on|date|le))?|valid (?:until|to)|gultig bis|lauft ab am|ablaufdatum)"
    r"\s*[:=]?\s*"
)
_CHINESE_HALF = re.compile(r"(上午|午前|오전|下午|午後|오후)\s*(\d{1,2}:\d{2}(?::\d{2})?)")
_NUMBERS = re.compile(r"(\d{1,4})\s*([./-]|\s)\s*(\d{1,2})\s*(?:\2|\s)\s*(\d{1,4})\.?")
_CHARACTERS = (
    dict.fromkeys(map(ord, ZERO_WIDTH)) | dict.fromkeys(map(ord, "‐‑‒–—−"), "-") | dict.fromkeys(map(ord, "⁄∕"), "/")
)
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
    exact = _iso(text) or _dotnet_json(text) or _serial(text) or _compact(text) or _unix_time(text)
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
    text = unicodedata.normalize("NFKC", text.translate(_CHARACTERS))
    text = _CHINESE_HALF.sub(lambda found: f"{found[2]} {'a' if found[1] in '上午午前오전' else 'p'}m", text)
    text = unicodedata.normalize("NFKD", re.sub(r"(?<=\d)(?:日|일)", " ", re.sub(r"(?<=\d)[年년月월]\s*", "-", text)))
    text = "".join(character for character in text if not unicodedata.combining(character))
    text = " ".join(text.lower().replace("ı", "i").split()).strip(" \"'")
    text = _JAVASCRIPT_ZONE.sub(r"\1", _LABEL.sub("", text, 1) if _LABEL.match(text) else text)
    return _TIME_BEFORE_YEAR.sub(r"\1 \4 \2 \3\5", text)


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
        return EPOCH + timedelta(milliseconds=int(match[1]))
    except OverflowError:
        return None


def _serial(text: str) -> date | datetime | None:
    match = _SERIAL.fullmatch(text)
    if match is None or not EXCEL_FIRST <= int(match[1]) <= EXCEL_LAST:
        return None
    fraction = float(f"0.{match[2]}") if match[2] else 0.0
    moment = EXCEL_EPOCH + timedelta(days=int(match[1]), seconds=round(fraction * 86400))
    return moment if match[2] else moment.date()


def _compact(text: str) -> date | datetime | None:
    if match := _COMPACT.fullmatch(text):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if (match := _COMPACT_TIME.fullmatch(text)) is None:
        return None
    try:
        moment = time(int(match[2]), int(match[3]), int(match[4] or 0), tzinfo=UTC if match[5] else None)
    except ValueError:
        return None
    day = _compact(match[1])
    return datetime.combine(day, moment) if day else None


def _unix_time(text: str) -> datetime | None:
    """Seconds or milliseconds since 1970, from 2001 on."""
    match = _UNIX_TIME.fullmatch(text)
    return EPOCH + timedelta(seconds=int(match[1])) if match else None


def _split_time(text: str) -> tuple[str, time | None, timezone | None]:
    match = _TIME.search(text)
    if match is None or not match.start() or text[match.start() - 1] not in " ,t":
        return text, None, None
    minutes = (match[name] for name in ("minute", "minute_oracle", "minute_nordic", "minute_de"))
    hour, minute = int(match["hour"]), int(next(filter(None, minutes), 0))
    if match["half"]:
        if not 1 <= hour <= 12:
            return text, None, None
        hour = hour % 12 + (12 if match["half"] == "p" else 0)
    try:
        moment = time(hour, minute, int(match["second"] or match["second_oracle"] or 0))
    except ValueError:
        return text, None, None
    words = text[: match.start()].rstrip(" ,t").split(" ")
    while len(words) > 1 and words[-1].strip(".,") in FILLER:
        words.pop()
    return " ".join(words).rstrip(" ,"), moment, _zone(match["zone"])


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    match = re.search(r"([+-])(\d{1,2}):?(\d{2})?$", text)
    if match is None:
        return timezone(timedelta(hours=ZONES[text]))
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-offset if match[1] == "-" else offset)


def _days(text: str) -> Iterator[Reading]:
    if match := _NUMBERS.fullmatch(text.strip(" ,")):
        yield from _of_numbers(match[1], match[2], match[3], match[4])
    else:
        yield from _of_words(text)


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
    if _can_be_year(first, third, separator) and (day := _day(2000 + int(first), int(second), int(third))):
        yield Reading(day)


def _can_be_year(first: str, third: str, separator: str = "") -> bool:
    """Whether two digits in first place can be the year, with the day in third place.

    That order is written with hyphens; otherwise only if it names a sooner year, or the other one is long past.
    """
    if not len(first) == len(third) == 2 or int(first) < FIRST_SHORT_YEAR:
        return False
    return separator == "-" or int(first) < int(third) or int(third) < FIRST_SHORT_YEAR


def _of_words(text: str) -> Iterator[Reading]:
    months, weekdays, ignored = _names()
    words = re.findall(r"\d+|[^\W\d_]+", _ORDINAL.sub("", text))
    numbers = [word for word in words if word.isdigit()]
    named = [word for word in words if word in months]
    # French "mar." is Tuesday too.
    found = {months[word] for word in named if len(named) == 1 or word not in weekdays} or {months[w] for w in named}
    if len(found) != 1 or len(numbers) != 2 or not all(w.isdigit() or w in months or w in ignored for w in words):
        return
    [month], (first, second) = found, numbers
    if len(first) == 4:
        first, second = second, first
    is_before_month = words.index(numbers[0]) < words.index(named[-1])
    if len(first) > 2 or len(second) not in (2, 4):
        return
    if day := _day(int(second) + (2000 if len(second) == 2 else 0), month, int(first)):
        yield Reading(day)
    if is_before_month and _can_be_year(first, second) and (day := _day(2000 + int(first), month, int(second))):
        yield Reading(day)


@cache
def _names() -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
    """Month numbers by name in any language, but for names of two months; weekdays; all words that name no month."""
    months: dict[str, set[int]] = defaultdict(set)
    weekdays: set[str] = set()
    for language in LANGUAGES + MORE_LANGUAGES:
        with translation.override(language):
            short = (MONTHS_3, MONTHS_AP) if language in LANGUAGES else ()
            for number, name in (pair for names in (MONTHS, MONTHS_ALT, *short) for pair in names.items()):
                months[_word(name)].add(number)
            for names in (WEEKDAYS, WEEKDAYS_ABBR):
                weekdays.update(_word(name) for name in names.values())
    months["sept"].add(9)
    certain = {name: numbers.pop() for name, numbers in months.items() if len(numbers) == 1}
    return certain, frozenset(weekdays), FILLER | weekdays


def _word(name: object) -> str:
    return _normalized(str(name)).strip(".")


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
