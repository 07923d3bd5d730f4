"""Validates the cells of one row, each by itself, so that all mistakes of a file are reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.accounts.email_address import clean_stored, split_addresses
from alertadmin.registry import guid, input_validation
from alertadmin.registry.clouds import clouds
from alertadmin.registry.csv_import.table import Remark
from alertadmin.registry.csv_import.table_reader import Row
from alertadmin.registry.date_parser import DayOrder
from alertadmin.registry.models import SignInAudience
from alertadmin.registry.permissions import TransportName
from alertadmin.registry.text import readable

FORMULA_PREFIXES = ("=", "+", "-", "@")
LONGEST = {"tenant_name": 120, "app_name": 120, "secret_description": 200}
APP_COLUMNS = (
    "app_name",
    "audience",
    "secret_description",
    "secret_value",
    "secret_expires_on",
    "mailbox",
    "transport",
)
Read = TypeVar("Read")


@dataclass(frozen=True)
class ParsedRow:
    """The validated cells of one row. An empty value leaves the stored one unchanged."""

    line: int
    directory_id: str
    tenant_name: str = ""
    cloud: str = ""
    contacts: tuple[str, ...] = ()
    client_id: str = ""
    app_name: str = ""
    audience: str = ""
    secret_description: str = ""
    secret_value: str = field(default="", repr=False)
    secret_expires_at: datetime | None = None
    mailbox: str = ""
    transport: str = ""

    @property
    def has_secret(self) -> bool:
        return bool(self.secret_description or self.secret_value or self.secret_expires_at)


class RowParser:
    """Parses rows and collects the mistakes in them. `zone_of` returns the time zone of a directory id."""

    def __init__(self, zone_of: Callable[[str], ZoneInfo], day_order: DayOrder | None = None) -> None:
        self.zone_of = zone_of
        self.mistakes: list[Remark] = []
        self._day_order = day_order
        self._ambiguous: list[Remark] = []
        """Dates that can be read in two ways."""
        self._choices = {
            "cloud": _by_lower_case(cloud.slug for cloud in clouds().values()),
            "audience": _by_lower_case(SignInAudience.values),
            "transport": _by_lower_case(TransportName.values),
        }

    def read(self, row: Row) -> ParsedRow:
        directory_id = self._cell(row, "directory_id", input_validation.check_directory_id) or ""
        if not row["directory_id"]:
            self._add_mistake(row, "directory_id", _("This cell must not be empty."))
        if not row["client_id"] and any(row[column] for column in APP_COLUMNS):
            self._add_mistake(row, "client_id", _("An app registration needs its client ID."))
        zone = self.zone_of(directory_id)
        return ParsedRow(
            line=row.line,
            directory_id=directory_id,
            tenant_name=self._text(row, "tenant_name"),
            cloud=self._choice(row, "cloud"),
            contacts=self._cell(row, "contact_emails", _emails) or (),
            client_id=self._cell(row, "client_id", guid.normalize) or "",
            app_name=self._text(row, "app_name"),
            audience=self._choice(row, "audience"),
            secret_description=self._text(row, "secret_description"),
            secret_value=self._cell(row, "secret_value", input_validation.check_secret_value) or "",
            secret_expires_at=self._expiry(row, zone),
            mailbox=self._cell(row, "mailbox", clean_stored) or "",
            transport=self._choice(row, "transport"),
        )

    def all_mistakes(self) -> list[Remark]:
        """All mistakes, and one question for all dates of the file that can be read in two ways."""
        if not self._ambiguous:
            return self.mistakes
        first, count = self._ambiguous[0], len(self._ambiguous)
        question = ngettext(
            "%(why)s Or choose for the file whether the day or the month comes first.",
            "%(why)s This file has %(count)d such dates: choose whether the day or the month comes first.",
            count,
        ) % {"why": first.message, "count": count}
        return [*self.mistakes, Remark(first.line, first.column, question)]

    def _expiry(self, row: Row, zone: ZoneInfo) -> datetime | None:
        if not (text := row["secret_expires_on"]):
            return None
        try:
            return input_validation.parse_expiry(text, zone, self._day_order)
        except ValidationError as error:
            remarks = self._ambiguous if error.error_list[0].code == "ambiguous" else self.mistakes
            remarks.append(Remark(row.line, "secret_expires_on", " ".join(error.messages)))
            return None

    def _add_mistake(self, row: Row, column: str, message: str) -> None:
        self.mistakes.append(Remark(row.line, column, message))

    def _cell(self, row: Row, column: str, read: Callable[[str], Read]) -> Read | None:
        if not (text := row[column]):
            return None
        try:
            return read(text)
        except ValidationError as error:
            self._add_mistake(row, column, " ".join(error.messages))
            return None

    def _text(self, row: Row, column: str) -> str:
        """A name, as forms accept it, except for text that a spreadsheet would run as a formula."""
        text = self._cell(row, column, readable) or ""
        if text.startswith(FORMULA_PREFIXES):
            message = _('This starts like a spreadsheet formula ("%s"). Remove that character.') % text[0]
            self._add_mistake(row, column, message)
        elif len(text) > LONGEST[column]:
            self._add_mistake(row, column, _("This is longer than %d characters.") % LONGEST[column])
        else:
            return text
        return ""

    def _choice(self, row: Row, column: str) -> str:
        """One of a closed set of values, in any letter case."""
        text, choices = row[column], self._choices[column]
        if text and text.lower() not in choices:
            self._add_mistake(row, column, _("Write one of: %s.") % ", ".join(sorted(choices.values())))
        return choices.get(text.lower(), "")


def _by_lower_case(values: Iterable[str]) -> dict[str, str]:
    return {value.lower(): value for value in values}


def _emails(text: str) -> tuple[str, ...]:
    """Addresses as `split_addresses` finds them. Raises ValidationError."""
    parts = split_addresses(text)
    stored: list[str] = []
    for number, part in enumerate(parts, 1):
        try:
            stored.append(clean_stored(part))
        except ValidationError:
            message = _("Address %(number)d of %(all)d is not an e-mail address. Separate several with semicolons.")
            raise ValidationError(message % {"number": number, "all": len(parts)}) from None
    return tuple(stored)
