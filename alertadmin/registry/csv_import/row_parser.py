"""Validates the cells of one row, each by itself, so that all mistakes of a file are reported together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.accounts.email_address import clean_stored
from alertadmin.accounts.time_zones import parse_time_zone, zone_or_utc
from alertadmin.registry import guid, input_validation
from alertadmin.registry.clouds import clouds
from alertadmin.registry.csv_import.table import Remark
from alertadmin.registry.csv_import.table_reader import Row
from alertadmin.registry.date_parser import DayOrder, readings
from alertadmin.registry.models import CredentialKind, SignInAudience
from alertadmin.registry.permissions import TransportName
from alertadmin.registry.text import readable, unescape_formula
from mailer.pasted_address import split_addresses

FORMULA_PREFIXES = ("=", "+", "-", "@")
LONGEST = {
    "tenant_name": input_validation.LONGEST_NAME,
    "app_name": input_validation.LONGEST_NAME,
    "secret_description": 200,
    "owner": 200,
}
NOTHING = frozenset({"", "-", "n/a", "na", "null", "none", "not set"})
"""What scripts write into a cell that has no value."""
NAMES = ("tenant_name", "app_name", "secret_description", "secret_value")
"""Columns in which such a word may be meant."""
NEVER = frozenset(
    {"never", "never expires", "no expiration", "no expiry", "jamais", "n'expire jamais", "nie", "läuft nie ab"}
)
CREDENTIAL_TYPES: dict[str, tuple[str, ...]] = {
    CredentialKind.SECRET: (
        "secret", "client secret", "clientsecret", "password", "passwordcredential", "passwordcredentials",
        "symmetric", "microsoftgraphpasswordcredential", "secret client", "geheimer clientschlüssel",
    ),
    CredentialKind.CERTIFICATE: (
        "certificate", "cert", "key", "keycredential", "keycredentials", "asymmetricx509cert", "x509certandpassword",
        "microsoftgraphkeycredential", "certificat", "zertifikat",
    ),
}  # fmt: skip
"""As scripts name them: after Graph's properties, PowerShell's classes or Entra's key types."""
LANGUAGE_NAMES: dict[str, tuple[str, ...]] = {
    "en": ("english", "anglais", "englisch"),
    "fr": ("french", "français", "francais", "französisch"),
}
APP_COLUMNS = (
    "app_name",
    "audience",
    "secret_description",
    "secret_value",
    "secret_expires_on",
    "mailbox",
    "transport",
    "key_id",
    "owner",
)
NAMING_COLUMNS = ("app_name", "key_id")
"""By which an app that is already stored can be found without its client ID."""
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
    key_id: str = ""
    kind: str = ""
    owner: str = ""
    time_zone: str = ""
    language: str = ""
    is_one_of_several: bool = False
    """The file has several credentials of this app and kind without name and key ID: their expiry dates differ."""

    @property
    def has_secret(self) -> bool:
        return bool(self.secret_description or self.secret_value or self.secret_expires_at or self.key_id)

    @property
    def has_app(self) -> bool:
        return bool(self.client_id or self.app_name or self.key_id)


class Zones(Protocol):
    def zone_of(self, directory_id: str) -> ZoneInfo | None:
        """The time zone of a stored tenant; None for a new one."""


class RowParser:
    """Parses rows and collects the mistakes in them.

    `default_zone` is that of new tenants. With `asks_once`, dates with two readings are one question for the file
    (`question`) in place of a mistake in each row.
    """

    def __init__(self, day_order: DayOrder | None = None, *, default_zone: str = "", asks_once: bool = True) -> None:
        self.mistakes: list[Remark] = []
        self._day_order = day_order
        self._default_zone = parse_time_zone(default_zone) if default_zone else ""
        self._asks_once = asks_once
        self._ambiguous: list[Remark] = []
        """Dates that can be read in two ways."""
        self._choices = {
            "cloud": _by_lower_case(cloud.slug for cloud in clouds().values()),
            "audience": _by_lower_case(SignInAudience.values),
            "transport": _by_lower_case(TransportName.values),
            "language": _by_lower_case(code for code, _name in settings.LANGUAGES) | _inverted(LANGUAGE_NAMES),
            "credential_type": _inverted(CREDENTIAL_TYPES),
        }
        self._zones: dict[str, str] = {}
        """Time zones that the file names, by directory ID as spelled."""
        self._stored: Zones | None = None

    def parse(self, rows: Sequence[Row], stored: Zones) -> tuple[list[ParsedRow], list[Remark]]:
        """The rows without mistakes, and the mistakes of the others. The rows are all those of their tenants."""
        self.mistakes, self._stored = [], stored
        self._zones = {row["directory_id"]: row["time_zone"] for row in reversed(rows) if row["time_zone"]}
        ambiguous = len(self._ambiguous)
        parsed = [self.read(row) for row in rows]
        lines = {remark.line for remark in [*self.mistakes, *self._ambiguous[ambiguous:]]}
        return [row for row in parsed if row.line not in lines], self.mistakes

    def read(self, row: Row) -> ParsedRow:
        row = Row(row.line, {name: cell for name, cell in row.cells.items() if not _is_nothing(name, cell)})
        directory_id = self._cell(row, "directory_id", input_validation.check_directory_id) or ""
        if not row["directory_id"]:
            self._add_mistake(row, "directory_id", _("This cell must not be empty."))
        is_named = any(row[column] for column in NAMING_COLUMNS)
        if not row["client_id"] and not is_named and any(row[column] for column in APP_COLUMNS):
            self._add_mistake(row, "client_id", _("An app registration needs its client ID."))
        stored_zone = self._stored.zone_of(directory_id) if self._stored else None
        named = self._zones.get(row["directory_id"], "")
        zone = self._cell(row, "time_zone", _time_zone) or ("" if stored_zone or named else self._default_zone)
        kind = self._choice(row, "credential_type")
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
            secret_expires_at=self._expiry(row, _zone(named) or stored_zone or zone_or_utc(zone or "UTC")),
            mailbox=self._cell(row, "mailbox", clean_stored) or "",
            transport=self._choice(row, "transport"),
            key_id=self._key_id(row, kind),
            kind=kind,
            owner=self._text(row, "owner"),
            time_zone=zone,
            language=self._language(row),
        )

    def question(self) -> list[Remark]:
        """One question for all dates of the file that can be read in two ways; empty if there are none."""
        if not self._ambiguous:
            return []
        first, count = min(self._ambiguous, key=lambda remark: remark.line), len(self._ambiguous)
        question = ngettext(
            "%(why)s Or choose for the file whether the day or the month comes first.",
            "%(why)s This file has %(count)d such dates: choose whether the day or the month comes first.",
            count,
        ) % {"why": first.message, "count": count}
        return [Remark(first.line, first.column, question)]

    def _key_id(self, row: Row, kind: str) -> str:
        """The key ID. Some scripts write a certificate's thumbprint there, or words for none."""
        if kind == CredentialKind.CERTIFICATE and not guid.is_guid(row["key_id"]):
            return ""
        if (count := _count(row["key_id"], guid.is_guid)) > 1:
            self._add_mistake(row, "key_id", _("This cell has %d IDs. Write a row for each secret.") % count)
            return ""
        return self._cell(row, "key_id", guid.normalize) or ""

    def _language(self, row: Row) -> str:
        """A language of the program; of "fr-FR" or "fr_CA" the language counts."""
        text = row["language"]
        if text.lower() not in self._choices["language"]:
            text = text.replace("_", "-").partition("-")[0].strip()
        return self._choice(Row(row.line, {"language": text}), "language")

    def _expiry(self, row: Row, zone: ZoneInfo) -> datetime | None:
        if not (text := row["secret_expires_on"]):
            return None
        if text.lower().replace("’", "'") in NEVER:
            text = "9999-12-31"
        if (count := _count(text, lambda part: bool(readings(part)))) > 1 and not readings(text):
            self._add_mistake(
                row, "secret_expires_on", _("This cell has %d dates. Write a row for each secret.") % count
            )
            return None
        try:
            return input_validation.parse_expiry(text, zone, self._day_order)
        except ValidationError as error:
            is_ambiguous = self._asks_once and error.error_list[0].code == "ambiguous"
            remarks = self._ambiguous if is_ambiguous else self.mistakes
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
        plain = unescape_formula(text)  # as exports write it
        if plain == text and text.startswith(FORMULA_PREFIXES):
            message = _('This starts like a spreadsheet formula ("%s"). Remove that character.') % text[0]
            self._add_mistake(row, column, message)
        elif len(plain) > LONGEST[column]:
            self._add_mistake(row, column, _("This is longer than %d characters.") % LONGEST[column])
        else:
            return plain
        return ""

    def _choice(self, row: Row, column: str) -> str:
        """One of a closed set of values, in any letter case."""
        text, choices = row[column], self._choices[column]
        if text and text.lower() not in choices:
            self._add_mistake(row, column, _("Write one of: %s.") % ", ".join(sorted(set(choices.values()))))
        return choices.get(text.lower(), "")


def _is_nothing(column: str, text: str) -> bool:
    return column not in NAMES and text.lower() in NOTHING


def _count(text: str, is_value: Callable[[str], bool]) -> int:
    """The number of values in a cell that scripts fill with several, one a line or separated; 0 if a part is none."""
    parts = [part for part in re.split(r"[\n;|,]", text) if part.strip()]
    return len(parts) if len(parts) > 1 and all(map(is_value, parts)) else 0


def _inverted(names: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {name: str(value) for value, spelled in names.items() for name in spelled}


def _by_lower_case(values: Iterable[str]) -> dict[str, str]:
    return {value.lower(): value for value in values}


def _emails(text: str) -> tuple[str, ...]:
    """Addresses as `split_addresses` finds them. Raises ValidationError."""
    parts = split_addresses(text)
    stored: list[str] = []
    for number, part in enumerate(parts, 1):
        try:
            stored.append(clean_stored(part))
        except ValidationError as error:
            words = {"number": number, "all": len(parts), "reason": " ".join(error.messages)}
            message = _("Address %(number)d of %(all)d: %(reason)s Separate several with semicolons.")
            raise ValidationError(message % words) from None
    return tuple(stored)


def _time_zone(text: str) -> str:
    """Raises ValidationError, whose message does not contain the text."""
    try:
        return parse_time_zone(text)
    except ValidationError:
        raise ValidationError(_("This is not a time zone; write one such as Europe/Paris.")) from None


def _zone(text: str) -> ZoneInfo | None:
    try:
        return zone_or_utc(parse_time_zone(text)) if text else None
    except ValidationError:
        return None
