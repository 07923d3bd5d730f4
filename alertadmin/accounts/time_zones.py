"""Time zones, as people name them."""

from __future__ import annotations

import logging
import zoneinfo
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

log = logging.getLogger(__name__)


@cache
def names() -> tuple[str, ...]:
    """Every zone this machine knows, in order; read from its disk once."""
    return tuple(sorted(zoneinfo.available_timezones()))


def validate_time_zone(name: str) -> None:
    if name not in names():
        raise ValidationError(
            _('"%(name)s" is not a time zone; write one such as Europe/Paris.'), params={"name": name}
        )


@cache
def zone_or_utc(name: str) -> zoneinfo.ZoneInfo:
    """UTC where this machine does not know the zone (any more): what is told at another hour is better than not."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError):
        log.warning("this machine does not know the time zone %r; UTC is used in its place", name)
        return zoneinfo.ZoneInfo("UTC")
