"""Time zones, as people name them."""

from __future__ import annotations

import zoneinfo
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


@cache
def names() -> tuple[str, ...]:
    """Every zone this machine knows, in order; read from its disk once."""
    return tuple(sorted(zoneinfo.available_timezones()))


def validate_time_zone(name: str) -> None:
    if name not in names():
        raise ValidationError(
            _('"%(name)s" is not a time zone; write one such as Europe/Paris.'), params={"name": name}
        )
