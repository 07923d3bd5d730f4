"""Times for readers: relative, and exact in the viewer's time zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONTH = timedelta(days=30.44)
FRENCH_MONTHS = (pgettext_lazy("abbrev. month", "Jan."), pgettext_lazy("abbrev. month", "Feb."))
"""Extracted, so that the catalogue has janv. and févr., as Microsoft writes them; Django's own has jan. and fév."""
DAYS_UP_TO = 3 * MONTH
"""Distances up to here are in days, the unit administrators plan in; longer ones in whole months, three at least."""


def relative(value: datetime, now: datetime) -> str:
    """ "in 12 days", "3 hours ago", "just now"; whole units, rounded towards now."""
    distance = abs(value - now)
    if distance < MINUTE:
        return _("just now") if value <= now else _("in a moment")
    return _("in %(span)s") % {"span": span(distance)} if value > now else _("%(span)s ago") % {"span": span(distance)}


def exact(value: datetime) -> str:
    """ "5 Dec 2026, 14:30 CET" in the active time zone; without seconds."""
    local = timezone.localtime(value)
    return f"{day(value)}, {date_format(local, 'H:i')} {local.tzname()}"


def day(value: datetime) -> str:
    """ "5 Dec 2026" in the active time zone."""
    return date_format(timezone.localtime(value), _("j M Y"))


def month(value: date) -> str:
    """ "Jul", "juil."."""
    return date_format(value, pgettext("date format", "M"))


def span(distance: timedelta) -> str:
    """ "5 minutes": whole units, rounded down."""
    if distance < HOUR:
        count = distance // MINUTE
        return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
    if distance < DAY:
        count = distance // HOUR
        return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
    if distance < DAYS_UP_TO:
        count = distance // DAY
        return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}
    count = distance // MONTH
    return ngettext("%(count)d month", "%(count)d months", count) % {"count": count}
