"""What one row means: its cells checked one by one, so that every mistake of the file is told at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from alertadmin.registry import guid, pasted
from alertadmin.registry.clouds import clouds
from alertadmin.registry.importing.table import Mistake, Row
from alertadmin.registry.models import Audience
from alertadmin.registry.permissions import Transport

FORMULA = ("=", "+", "-", "@")
LONGEST = {"tenant_name": 120, "app_name": 120, "secret_description": 200}
Read = TypeVar("Read")


@dataclass(frozen=True)
class Registration:
    """One row, understood. Empty means: leave what is there."""

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


class Reader:
    """Reads rows and collects what is wrong with them."""

    def __init__(self, zone_of: Callable[[str], ZoneInfo]) -> None:
        self.zone_of = zone_of
        self.mistakes: list[Mistake] = []
        self._clouds = {cloud.slug for cloud in clouds().values()}

    def read(self, row: Row) -> Registration:
        directory_id = self._cell(row, "directory_id", pasted.check_directory_id, required=True) or ""
        client_id = self._cell(row, "client_id", guid.normal) or ""
        if not client_id:
            for column in (
                "app_name",
                "audience",
                "secret_value",
                "secret_expires_on",
                "secret_description",
                "mailbox",
            ):
                if row[column]:
                    self.mistakes.append(Mistake(row.line, "client_id", _("An app registration needs its client ID.")))
                    break
        zone = self.zone_of(directory_id)
        return Registration(
            line=row.line,
            directory_id=directory_id,
            tenant_name=self._text(row, "tenant_name"),
            cloud=self._choice(row, "cloud", self._clouds),
            contacts=self._cell(row, "contact_emails", _emails) or (),
            client_id=client_id,
            app_name=self._text(row, "app_name"),
            audience=self._choice(row, "audience", set(Audience.values)),
            secret_description=self._text(row, "secret_description"),
            secret_value=self._cell(row, "secret_value", pasted.check_secret_value) or "",
            secret_expires_at=self._cell(row, "secret_expires_on", lambda text: pasted.read_end(text, zone)),
            mailbox=self._cell(row, "mailbox", _email) or "",
            transport=self._choice(row, "transport", set(Transport.values)),
        )

    def _cell(self, row: Row, column: str, read: Callable[[str], Read], *, required: bool = False) -> Read | None:
        text = row[column]
        if not text:
            if required:
                self.mistakes.append(Mistake(row.line, column, _("This cell must not be empty.")))
            return None
        try:
            return read(text)
        except ValidationError as error:
            self.mistakes.append(Mistake(row.line, column, " ".join(error.messages)))
            return None

    def _text(self, row: Row, column: str) -> str:
        text = row[column]
        if text.startswith(FORMULA):
            message = _('This begins like a spreadsheet\'s formula ("%s"). Write it without.') % text[0]
            self.mistakes.append(Mistake(row.line, column, message))
        elif len(text) > LONGEST[column]:
            message = _("This is longer than %d characters.") % LONGEST[column]
            self.mistakes.append(Mistake(row.line, column, message))
        elif not text.isprintable():
            self.mistakes.append(Mistake(row.line, column, _("There is a line break or a control character in it.")))
        else:
            return text
        return ""

    def _choice(self, row: Row, column: str, choices: set[str]) -> str:
        text = row[column]
        known = {choice.lower(): choice for choice in choices}
        if text and text.lower() not in known:
            message = _('"%(text)s" is none of: %(choices)s.') % {
                "text": text[:40],
                "choices": ", ".join(sorted(choices)),
            }
            self.mistakes.append(Mistake(row.line, column, message))
            return ""
        return known[text.lower()] if text else ""


def _email(text: str) -> str:
    validate_email(text)
    return text


def _emails(text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in text.replace(",", ";").split(";")]
    for part in parts:
        if part:
            try:
                validate_email(part)
            except ValidationError:
                raise ValidationError(
                    _('"%(part)s" is no e-mail address. Separate several by semicolons.'), params={"part": part[:80]}
                ) from None
    return tuple({part.lower(): part for part in parts if part}.values())
