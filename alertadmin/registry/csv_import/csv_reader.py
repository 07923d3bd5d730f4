"""Reads the bytes of a CSV file into rows of named cells, as Excel, PowerShell and other programs write them.

Separators: comma, semicolon, tab, or the one of a first line such as "sep=;". Encodings: UTF-8, UTF-16, Windows-1252.
A first line "#TYPE …" of Windows PowerShell's Export-Csv is skipped. Columns that are not known are left out, and said.
"""

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

from alertadmin.registry.csv_import.column_names import COLUMNS, column_of
from alertadmin.registry.text import trimmed

SEPARATORS = ",;\t"
MAX_BYTES = 50_000_000
MAX_ROWS = 200_000
MAX_REMARKS = 50
"""Enough to correct a file by. A file with other contents has a mistake in every line."""
MAX_CELL_LENGTH = 4_000
MAX_PREAMBLE = 2
"""Lines before the header: each costs a copy of the text."""
MAX_LISTED = 5
"""Unknown columns that are named."""
_FIRST_LINE = re.compile(r"\S[^\r\n]*")
_PREAMBLE = re.compile(r'"?(?:sep=(?P<separator>[,;\t|])|#TYPE [^\r\n]*?)"?[,;\t]*', re.IGNORECASE)
"""A line before the header: Excel's separator, or the type of Windows PowerShell's Export-Csv."""
_BINARY = re.compile(r"[\0-\x08\x0e-\x1b]")
"""Characters that no program writes into a text in Windows-1252."""
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
    """The rows that are not empty, the mistakes in lines that could not be read, and how the file was taken."""

    rows: list[CsvRow] = field(default_factory=list)
    mistakes: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def read(file: BinaryIO) -> CsvTable:
    """Read a file. Raises NotImported if it is not a CSV file with the expected header."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _whole_file(_("The file is larger than 50 MB. Split it."))
    table = CsvTable()
    text = _decoded(content, table)
    if "\0" in text:
        raise _whole_file(_("This is no CSV file: it holds binary data."))
    first = _FIRST_LINE.search(text)
    if first is None:
        raise _whole_file(_("The file is empty. Its first line must name the columns: %s.") % ", ".join(COLUMNS))
    skipped, separator = 0, ""
    for _line in range(MAX_PREAMBLE):
        if first is None or (preamble := _PREAMBLE.fullmatch(first.group().rstrip())) is None:
            break
        separator = preamble["separator"] or separator
        skipped += 1 + text.count("\n", 0, first.start())
        text = text[first.end() :].removeprefix("\r").removeprefix("\n")
        first = _FIRST_LINE.search(text)
    if first is None:
        raise _whole_file(_("The file is empty. Its first line must name the columns: %s.") % ", ".join(COLUMNS))
    separator = separator or max(SEPARATORS, key=first.group().count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    _fill(table, _records(reader, table, skipped))
    return table


def _decoded(content: bytes, table: CsvTable) -> str:
    """Decode UTF-16, UTF-8 or, with a remark, Windows-1252. Raises NotImported."""
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    little, big = content[1:200:2], content[0:200:2]
    try:
        if utf16:
            return content.decode("utf-16")
        if len(content) > 3 and not content.startswith(b"PK") and little.count(0) * 2 > len(little):
            return content.decode("utf-16-le")
        if len(content) > 3 and big.count(0) * 2 > len(big):
            return content.decode("utf-16-be")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        text = "\0"
    if utf16 or _BINARY.search(text):
        raise _whole_file(
            _('This is no text in UTF-8. Save the table as "CSV UTF-8 (comma delimited)" and import that.')
        )
    table.remarks.append(
        Remark(0, "", _("The file is not in UTF-8 and was read as Windows-1252. Check letters with accents."))
    )
    return text


def _whole_file(message: str) -> NotImported:
    return NotImported([Remark(0, "", message)])


def _records(reader: Iterator[list[str]], table: CsvTable, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty, with the line that it begins on. Quoted cells may span lines."""
    begins = 1 + skipped
    try:
        for cells in reader:
            cells = [trimmed(cell) for cell in cells]
            if any(cells):
                yield begins, cells
            begins = skipped + reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        # After unbalanced quotation marks the beginning of the next record is unknown.
        table.mistakes.append(Remark(begins, "", _("This is no CSV line: %(error)s.") % {"error": error}))


def _fill(table: CsvTable, records: Iterator[tuple[int, list[str]]]) -> None:
    line, header = next(records, (0, []))
    if not header:
        return
    names = _names(line, header, table)
    for line, cells in records:
        if len(table.rows) == MAX_ROWS:
            raise _whole_file(_("The file has more than %d lines. Split it.") % MAX_ROWS)
        if any(cells[len(names) :]):
            table.mistakes.append(Remark(line, "", _("This line has more cells than the header names.")))
            continue
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name}
        for name, cell in row.items():
            if len(cell) > MAX_CELL_LENGTH:
                table.mistakes.append(
                    Remark(line, name, _("This cell is longer than %d characters.") % MAX_CELL_LENGTH)
                )
                row[name] = ""
        table.rows.append(CsvRow(line, row))


def _names(line: int, header: list[str], table: CsvTable) -> list[str]:
    """The columns in the file's order, "" for one to leave out. Raises NotImported for missing and repeated ones."""
    while not header[-1]:
        # Spreadsheets write separators for columns that were emptied.
        header = header[:-1]
    names = [column_of(name) for name in header]
    known = set(filter(None, names))
    if not known:
        raise NotImported([Remark(line, "", _("The first line must name the columns: %s.") % ", ".join(COLUMNS))])
    mistakes = [
        _("This column is named twice: %s.") % name for name, count in Counter(names).items() if count > 1 and name
    ]
    if "directory_id" not in known:
        mistakes.append(_("The column directory_id is missing."))
    if mistakes:
        mistakes.append(_("The columns are: %s.") % ", ".join(COLUMNS))
        raise NotImported([Remark(line, "", " ".join(mistakes))])
    if unknown := [
        _shown(spelled, number)
        for number, (spelled, name) in enumerate(zip(header, names, strict=True), 1)
        if spelled and not name
    ]:
        listed = ", ".join(islice(unknown, MAX_LISTED)) + (", …" if len(unknown) > MAX_LISTED else "")
        table.remarks.append(Remark(line, "", _("Columns that are not known were left out: %s.") % listed))
    return names


def _shown(name: str, number: int) -> str:
    name = name.lower()
    return name if _NAME_LIKE.fullmatch(name) else _("the one at position %d") % number
