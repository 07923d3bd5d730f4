"""Time zones: names, validation and lookup."""

from __future__ import annotations

import logging
import zoneinfo
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

log = logging.getLogger(__name__)


@cache
def names() -> tuple[str, ...]:
    """All zone names known to this machine, sorted; read from disk once."""
    return tuple(sorted(zoneinfo.available_timezones()))


def validate_time_zone(name: str) -> None:
    if name not in names():
        raise ValidationError(
            _('"%(name)s" is not a time zone; write one such as Europe/Paris.'), params={"name": name}
        )


@cache
def zone_or_utc(name: str) -> zoneinfo.ZoneInfo:
    """The zone; UTC if this machine does not know it, since a reminder at another hour is better than none."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError):
        log.warning("this machine does not know the time zone %r; UTC is used in its place", name)
        return zoneinfo.ZoneInfo("UTC")
