"""Time zones, as people name them."""

from __future__ import annotations

import zoneinfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _('"%(name)s" is not a time zone; write one such as Europe/Paris.'), params={"name": name}
        )
