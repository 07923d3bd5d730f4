"""Reads the bytes of a CSV file into rows of named cells, with any of the usual separators."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from django.utils.translation import gettext as _

from alertadmin.registry.text import trimmed

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
SEPARATORS = ",;\t"
MAX_BYTES = 50_000_000
MAX_ROWS = 200_000
MAX_REMARKS = 50
"""Enough to correct a file by. A file with other contents has a mistake in every line."""
MAX_CELL_LENGTH = 4_000
_FIRST_LINE = re.compile(r"\S[^\r\n]*")
_NAME_LIKE = re.compile(r"[a-z_]{1,24}")
"""An unknown column's name that may be shown. In a file without a header line, that cell may contain a secret."""


@dataclass(frozen=True)
class Remark:
    """A message about the file. `line` counts from 1, as in an editor; 0 means the whole file.

    The message never contains a cell's text: in a shifted row any cell may be the secret.
    """

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (_("line %d") % self.line if self.line else "", self.column) if part)
        return _("%(label)s: %(value)s") % {"label": place, "value": self.message} if place else self.message


class NotImported(Exception):
    """The file was refused and nothing was stored. `mistakes`: the first `MAX_REMARKS` reasons, by line."""

    def __init__(self, mistakes: list[Remark]) -> None:
        mistakes = sorted(mistakes, key=lambda mistake: mistake.line)
        self.mistakes = mistakes[:MAX_REMARKS]
        if len(mistakes) > MAX_REMARKS:
            self.mistakes.append(Remark(0, "", _("There are more errors than these; fix these first.")))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True)
class CsvRow:
    """The cells of one record by column, and the line that it begins on."""

    line: int
    cells: dict[str, str] = field(repr=False)

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass
class CsvTable:
    """The rows that are not empty, and the mistakes in lines that could not be read."""

    rows: list[CsvRow] = field(default_factory=list)
    mistakes: list[Remark] = field(default_factory=list)


def read(file: BinaryIO) -> CsvTable:
    """Read a file. Raises NotImported if it is not a CSV file with the expected header."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _whole_file(_("The file is larger than 50 MB. Split it."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _whole_file(
            _('This is no text in UTF-8. Save the table as "CSV UTF-8 (comma delimited)" and import that.')
        ) from None
    if "\0" in text:
        raise _whole_file(_("This is no CSV file: it holds binary data."))
    first = _FIRST_LINE.search(text)
    if first is None:
        raise _whole_file(_("The file is empty. Its first line must name the columns: %s.") % ", ".join(COLUMNS))
    separator = max(SEPARATORS, key=first.group().count)
    table = CsvTable()
    _fill(table, _records(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), table))
    return table


def _whole_file(message: str) -> NotImported:
    return NotImported([Remark(0, "", message)])


def _records(reader: Iterator[list[str]], table: CsvTable) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty, with the line that it begins on. Quoted cells may span lines."""
    begins = 1
    try:
        for cells in reader:
            cells = [trimmed(cell) for cell in cells]
            if any(cells):
                yield begins, cells
            begins = reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        # After unbalanced quotation marks the beginning of the next record is unknown.
        table.mistakes.append(Remark(begins, "", _("This is no CSV line: %(error)s.") % {"error": error}))


def _fill(table: CsvTable, records: Iterator[tuple[int, list[str]]]) -> None:
    line, header = next(records, (0, []))
    if not header:
        return
    names = _names(line, header)
    for line, cells in records:
        if len(table.rows) == MAX_ROWS:
            raise _whole_file(_("The file has more than %d lines. Split it.") % MAX_ROWS)
        if any(cells[len(names) :]):
            table.mistakes.append(Remark(line, "", _("This line has more cells than the header names.")))
            continue
        row = dict(zip(names, cells, strict=False))
        for name, cell in row.items():
            if len(cell) > MAX_CELL_LENGTH:
                table.mistakes.append(
                    Remark(line, name, _("This cell is longer than %d characters.") % MAX_CELL_LENGTH)
                )
                row[name] = ""
        table.rows.append(CsvRow(line, row))


def _names(line: int, header: list[str]) -> list[str]:
    """The columns in the file's order. Raises NotImported for unknown, missing and repeated ones."""
    names = [re.sub(r"[\s-]+", "_", name.lower()) for name in header]
    while not names[-1]:
        # Spreadsheets write separators for columns that were emptied.
        names.pop()
    known = set(names) & set(COLUMNS)
    if not known:
        raise NotImported([Remark(line, "", _("The first line must name the columns: %s.") % ", ".join(COLUMNS))])
    unknown = (_shown(name, number) for number, name in enumerate(names, 1) if name not in known)
    doubled = (name for name, count in Counter(names).items() if count > 1 and name in known)
    mistakes = [_("Unknown column: %s.") % name for name in islice(unknown, 5)]
    mistakes += [_("This column is named twice: %s.") % name for name in doubled]
    if "directory_id" not in known:
        mistakes.append(_("The column directory_id is missing."))
    if mistakes:
        mistakes.append(_("The columns are: %s.") % ", ".join(COLUMNS))
        raise NotImported([Remark(line, "", " ".join(mistakes))])
    return names


def _shown(name: str, number: int) -> str:
    return name if _NAME_LIKE.fullmatch(name) else _("the one at position %d") % number
