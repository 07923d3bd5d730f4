"""From bytes to rows of named cells, whatever somebody saved as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from django.utils.translation import gettext as _

COLUMNS = (
    "tenant_name",
    "directory_id",
    "cloud",
    "contact_emails",
    "app_name",
    "client_id",
    "audience",
    "secret_description",
    "secret_value",
    "secret_expires_on",
    "mailbox",
    "transport",
)
MOST_BYTES = 50_000_000
MOST_MISTAKES = 50
"""Enough to mend a file by; a file of another kind has one in every line."""
LONGEST_CELL = 4_000


@dataclass(frozen=True)
class Mistake:
    """One thing to mend. `line` counts from 1 as an editor does; 0 is the file as a whole. Never repeats a secret."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (_("line %d") % self.line if self.line else "", self.column) if part)
        return _("%(label)s: %(value)s") % {"label": place, "value": self.message} if place else self.message


@dataclass
class NotImported(Exception):
    """Nothing was stored; these are the reasons."""

    mistakes: list[Mistake] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(map(str, self.mistakes))


@dataclass(frozen=True)
class Row:
    line: int
    cells: dict[str, str] = field(repr=False)

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def read(file: BinaryIO) -> list[Row]:
    """The rows that hold anything. Raises NotImported for what is no CSV file of ours."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _whole_file(_("The file is larger than 50 MB. Split it."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _whole_file(
            _('This is no text in UTF-8. Save the table as "CSV UTF-8 (comma delimited)" and import that.')
        ) from None
    if "\0" in text:
        raise _whole_file(_("This is no CSV file: it holds binary data."))
    first_line = text.partition("\n")[0]
    separator = max(",;\t", key=first_line.count)
    return list(_rows(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)))


def _whole_file(message: str) -> NotImported:
    return NotImported([Mistake(0, "", message)])


def _rows(reader: Iterator[list[str]]) -> Iterator[Row]:
    numbered = _numbered(reader)
    _line, header = next(numbered, (0, []))
    names = [name.strip().lower() for name in header]
    _check_header(names)
    for line, cells in numbered:
        if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
            raise NotImported([Mistake(line, "", _("This line has more cells than the header names."))])
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
        for name, cell in row.items():
            if len(cell) > LONGEST_CELL:
                raise NotImported([Mistake(line, name, _("This cell is too long."))])
        if any(row.values()):
            yield Row(line, row)


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on. A record may span lines, within quotation marks."""
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        message = _("This is no CSV line: %(error)s.") % {"error": error}
        raise NotImported([Mistake(begins, "", message)]) from None


def _check_header(names: list[str]) -> None:
    if not names:
        raise _whole_file(_("The file is empty. Its first line must name the columns: %s.") % ", ".join(COLUMNS))
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in ("directory_id",) if name not in names]
    twice = {name for name in names if names.count(name) > 1}
    if unknown or missing or twice:
        shown = ", ".join(name[:40] or '""' for name in (unknown or missing or sorted(twice)))
        what = _("Unknown column") if unknown else _("Missing column") if missing else _("Column named twice")
        message = _("%(what)s: %(names)s. The columns are: %(columns)s.")
        raise NotImported([Mistake(1, "", message % {"what": what, "names": shown, "columns": ", ".join(COLUMNS)})])
