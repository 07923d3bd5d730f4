"""From bytes to rows of named cells, whatever somebody saved as CSV."""

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
MOST_BYTES = 50_000_000
MOST_ROWS = 200_000
MOST_REMARKS = 50
"""Enough to mend a file by; a file of another kind has one in every line."""
LONGEST_CELL = 4_000
_FIRST_LINE = re.compile(r"\S[^\r\n]*")
_NAME_LIKE = re.compile(r"[a-z_]{1,24}")
"""What may be repeated as an unknown column's name. Without a header line the first customer's secret stands there."""


@dataclass(frozen=True)
class Remark:
    """One thing to say about the file. `line` counts from 1 as an editor does; 0 is the file as a whole.

    It never repeats a cell: in a shifted row any of them may be the secret.
    """

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (_("line %d") % self.line if self.line else "", self.column) if part)
        return _("%(label)s: %(value)s") % {"label": place, "value": self.message} if place else self.message


class NotImported(Exception):
    """Nothing was stored; these are the reasons, by line, the first fifty of them."""

    def __init__(self, mistakes: list[Remark]) -> None:
        mistakes = sorted(mistakes, key=lambda mistake: mistake.line)
        self.mistakes = mistakes[:MOST_REMARKS]
        if len(mistakes) > MOST_REMARKS:
            self.mistakes.append(Remark(0, "", _("There are more mistakes than these; mend these first.")))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True)
class CsvRow:
    line: int
    cells: dict[str, str] = field(repr=False)

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass
class CsvTable:
    """The rows that hold anything, and what is wrong with the lines that are none."""

    rows: list[CsvRow] = field(default_factory=list)
    mistakes: list[Remark] = field(default_factory=list)


def read(file: BinaryIO) -> CsvTable:
    """Raises NotImported for what is no CSV file of ours."""
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
    """Each record with anything in it and the line it begins on. One may span lines, within quotation marks."""
    begins = 1
    try:
        for cells in reader:
            cells = [trimmed(cell) for cell in cells]
            if any(cells):
                yield begins, cells
            begins = reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        # Where the quotation marks do not match, nobody can tell where the next record begins.
        table.mistakes.append(Remark(begins, "", _("This is no CSV line: %(error)s.") % {"error": error}))


def _fill(table: CsvTable, records: Iterator[tuple[int, list[str]]]) -> None:
    line, header = next(records, (0, []))
    if not header:
        return
    names = _names(line, header)
    for line, cells in records:
        if len(table.rows) == MOST_ROWS:
            raise _whole_file(_("The file has more than %d lines. Split it.") % MOST_ROWS)
        if any(cells[len(names) :]):
            table.mistakes.append(Remark(line, "", _("This line has more cells than the header names.")))
            continue
        row = dict(zip(names, cells, strict=False))
        for name, cell in row.items():
            if len(cell) > LONGEST_CELL:
                table.mistakes.append(Remark(line, name, _("This cell is longer than %d characters.") % LONGEST_CELL))
                row[name] = ""
        table.rows.append(CsvRow(line, row))


def _names(line: int, header: list[str]) -> list[str]:
    """The columns, in the file's order. Raises NotImported for unknown, missing and doubled ones."""
    names = [re.sub(r"[\s-]+", "_", name.lower()) for name in header]
    while not names[-1]:
        # Spreadsheets write separators for columns that once held something.
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
