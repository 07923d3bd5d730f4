"""Time zones: names, validation and lookup."""

from __future__ import annotations

import logging
import zoneinfo
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from mailer import windows_time_zones

log = logging.getLogger(__name__)

NO_PLACE = frozenset({"Factory", "localtime"})
"""Entries of the tz database that say nothing, or what this machine is set to."""
LONGEST = 200
"""Characters of the longest text that can name a zone."""


@cache
def names() -> tuple[str, ...]:
    """All zone names known to this machine, sorted; read from disk once."""
    return tuple(sorted(zoneinfo.available_timezones() - NO_PLACE))


def parse_time_zone(text: str) -> str:
    """The zone's name in the tz database.

    Takes that name in any case and with spaces ("america/new york"), an alias, Windows' names ("W. Europe Standard
    Time", "(UTC+01:00) Amsterdam, Berlin, …") and a city. Raises ValidationError.
    """
    if (name := _canonical_name(text)) is None:
        raise _refusal(text)
    return name


def validate_time_zone(name: str) -> None:
    """Raises ValidationError unless it is a name in the tz database, as it is stored."""
    if name not in names():
        raise _refusal(name)


def _refusal(text: str) -> ValidationError:
    return ValidationError(
        _('"%(name)s" is not a time zone; write one such as Europe/Paris.'), params={"name": text.strip()[:LONGEST]}
    )


@lru_cache(maxsize=1000)
def _canonical_name(text: str) -> str | None:
    if len(text) > LONGEST:
        return None
    for name in (text, *_without_path(text)):
        if found := _by_key().get(_key(name)):
            return found
    return windows_time_zones.tz_name(text)


def _key(text: str) -> str:
    return windows_time_zones.plain(text).replace(" ", "_")


def _without_path(text: str) -> list[str]:
    """Calendars of Mozilla and others write "/mozilla.org/20050126_1/Europe/Paris"."""
    parts = text.strip().split("/")
    return ["/".join(parts[-count:]) for count in (2, 3)] if not parts[0] else []


@cache
def _by_key() -> dict[str, str]:
    return {_key(name): name for name in names()}


if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class TimeZoneFormField(forms.CharField):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "max_length": LONGEST})

    def clean(self, value: Any) -> str:
        return parse_time_zone(text) if (text := super().clean(value)) else ""


class TimeZoneField(_CharField):
    """The name of a zone in the tz database. What a user types is read by `parse_time_zone`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 60, "default": "UTC", "validators": [validate_time_zone], **kwargs})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def clean(self, value: Any, model_instance: models.Model | None) -> str:
        name: str = super().clean(parse_time_zone(value) if value else value, model_instance)
        return name

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        return super().formfield(*args, **{"form_class": TimeZoneFormField, **kwargs})


class BoundedZone(zoneinfo.ZoneInfo):
    """A zone in which every datetime can be shown. What lies beyond the years that datetime has, by an offset, raises
    OverflowError otherwise: 9999-12-31 23:59 UTC, as RFC 5280 writes for "without end", in Paris. There it is as UTC.
    """

    def fromutc(self, moment: datetime) -> datetime:
        try:
            return super().fromutc(moment)
        except OverflowError:
            return moment

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        if moment is not None and moment.date() in (date.min, date.max):
            return timedelta()
        return super().utcoffset(moment)


@cache
def zone_or_utc(name: str) -> zoneinfo.ZoneInfo:
    """The zone; UTC if this machine does not know it, since a reminder at another hour is better than none."""
    try:
        return BoundedZone(name)
    except (KeyError, ValueError, OSError):  # not there (ZoneInfoNotFoundError), no name of a file, unreadable
        log.warning("this machine does not know the time zone %r; UTC is used in its place", name)
        return BoundedZone("UTC")
