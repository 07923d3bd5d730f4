"""Validation of values that users paste into forms and CSV files. Each error message says how to correct the value."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from alertadmin.registry import guid
from alertadmin.registry.date_parser import DayOrder, readings
from alertadmin.registry.text import trimmed

SHARED_AUTHORITIES = frozenset({"common", "organizations", "consumers"})
LONGEST_PORTAL_LIFE = timedelta(days=731)
"""24 months, the portal's maximum; Microsoft Graph's addPassword takes longer ones."""
LONGEST_SECRET = 1024
LONGEST_NAME = 256
"""Characters of a display name in Entra. Source: Microsoft Graph, resource type application."""
MASKED = re.compile(r"[*•●∙·…]{3,}|…$")
"""What portals and other programs show in place of the rest of a secret."""
# re.ASCII: otherwise re.IGNORECASE matches ı as i, ſ as s and the Kelvin sign as k.
DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE | re.ASCII)
PERSONAL_DOMAINS = re.compile(r"(?:outlook|hotmail|live)\.[a-z]{2,3}(?:\.[a-z]{2})?|msn\.com", re.IGNORECASE | re.ASCII)
FIRST_YEAR, LAST_YEAR = 2000, 9998
"""Of expiry dates, in their own zone and in UTC. Programs write 9999 for "never"; some scripts set dates in 2299."""


def check_secret_value(text: str) -> str:
    """The value without surrounding white space. Raises ValidationError, whose message never contains the value."""
    value = trimmed(text)
    if not value:
        raise ValidationError(_("Paste the secret's value."), code="empty")
    if guid.is_guid(value):
        raise ValidationError(
            _(
                "This is the secret's ID, not its value: a value is never a GUID. In the portal, copy the "
                'column "Value"; it is shown only right after the secret was created. If it is hidden, create '
                "a new secret."
            ),
            code="secret_id",
        )
    if MASKED.search(value):
        raise ValidationError(
            _(
                "The portal hides the rest of this value behind dots: it is shown only once. Create a new "
                "secret and copy the complete value."
            ),
            code="masked",
        )
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ValidationError(
            _("There is a space or a line break inside the value. Copy it again, without surrounding text."),
            code="space",
        )
    if not value.isascii():
        raise ValidationError(
            _(
                "Entra client secrets contain only the letters, digits and symbols of an English keyboard; "
                'this one contains another character. Copy the column "Value" again.'
            ),
            code="not_ascii",
        )
    if len(value) > LONGEST_SECRET:
        raise ValidationError(_('This is too long for a client secret. Copy only the column "Value".'), code="long")
    return value


def check_directory_id(text: str) -> str:
    """The directory id, in lower case with dashes. Raises ValidationError."""
    if (word := trimmed(text).lower()) in SHARED_AUTHORITIES:
        raise ValidationError(
            _(
                '"%(word)s" does not identify a directory, and an app that sends on its own needs one: enter '
                "the Directory (tenant) ID from the app registration's overview page."
            ),
            code="shared_authority",
            params={"word": word},
        )
    if DOMAIN.fullmatch(word):
        raise ValidationError(
            _(
                "This is a domain. Enter the Directory (tenant) ID from the app registration's overview page: it stays "
                "the same when domains change."
            ),
            code="domain",
        )
    return guid.normalize(text)


def check_client_id(client_id: str, directory_id: str) -> str:
    """Raises ValidationError if the client id is the directory id: the portal shows them side by side, and users copy
    one of them twice."""
    if client_id and client_id == directory_id:
        raise ValidationError(
            _(
                "This is the Directory (tenant) ID. The Application (client) ID is next to it, on the app "
                "registration's overview page."
            ),
            code="directory_id",
        )
    return client_id


def is_personal(address: str) -> bool:
    """Whether the domain of an address, or a domain, is one of Microsoft's for personal accounts. They have no
    directory."""
    return PERSONAL_DOMAINS.fullmatch(trimmed(address).rpartition("@")[2]) is not None


def parse_expiry(value: str | date | datetime, zone: ZoneInfo, order: DayOrder | None = None) -> datetime:
    """Parse a date or date-time, as `date_parser.readings` takes it, to UTC. Raises ValidationError.

    `order` decides where day and month can be exchanged; without it such a text is refused with the code "ambiguous",
    and the message shows both dates. A value without an offset is in `zone`, the tenant's; an ambiguous hour is the
    first of the two. A date alone is the first moment of that day: the portal shows no time, and a reminder that is too
    early does no harm. The message never contains the text, since a secret may have been pasted into the wrong field.
    """
    if isinstance(value, str):
        value = _parsed(value, order)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    try:
        end = value.astimezone(UTC)
    except OverflowError:
        end = None
    if end is None or max(end.year, value.year) > LAST_YEAR:
        raise ValidationError(
            _("Programs write the year 9999 for “never”, but a secret always expires. Enter its date in the portal."),
            code="invalid",
        )
    if end.year < FIRST_YEAR:
        raise ValidationError(_("This date is before the year 2000. Check the year."), code="invalid")
    return end


def _parsed(text: str, order: DayOrder | None) -> date | datetime:
    found = readings(text)
    if len(found) > 1 and order:
        found = tuple(reading for reading in found if reading.order == order)
    if not found:
        raise ValidationError(
            _(
                "This is not a date. Write 2027-12-31, or 2027-12-31 14:30 with the time; 31/12/2027, 31.12.2027 and "
                "Dec 31, 2027 are read too."
            ),
            code="invalid",
        )
    if len(found) > 1:
        first, second = (reading.value for reading in found)
        raise ValidationError(
            _("This can be %(first)s or %(second)s. Write it as %(first_iso)s or %(second_iso)s."),
            code="ambiguous",
            params={
                "first": date_format(first, "j F Y"),
                "second": date_format(second, "j F Y"),
                "first_iso": f"{first:%Y-%m-%d}",
                "second_iso": f"{second:%Y-%m-%d}",
            },
        )
    return found[0].value


def expiry_question(expires_at: datetime, now: datetime) -> str | None:
    """A question to the user who typed an expiry date that has passed or that the portal cannot have set."""
    if expires_at <= now:
        return _("This expiry date has passed. Is it correct?")
    return implausible_expiry(expires_at, now)


def implausible_expiry(expires_at: datetime, now: datetime) -> str | None:
    """A question to the user about an expiry date that the portal cannot have set; None if it is plausible."""
    if expires_at <= now + LONGEST_PORTAL_LIFE:
        return None
    return _("This expiry date is more than 24 months ahead, and the portal allows at most 24. Is it correct?")
