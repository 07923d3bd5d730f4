"""A table as read from a file of any format: named columns, rows of text, and remarks about them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from alertadmin.registry.text import trimmed

MAX_BYTES = 50_000_000
MAX_ROWS = 200_000
MAX_REMARKS = 50
"""Enough to correct a file by. A file with other contents has a mistake in every line."""
MAX_CELL_LENGTH = 4_000
MAX_COLUMNS = 200
"""Of a workbook or of JSON. A CSV file may have more; those without a name are left out."""
SPREADSHEET_ERRORS = frozenset(
    {"#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA"}
    | {"#BLOCKED!", "#CONNECT!", "#FIELD!", "#UNKNOWN!", "#BUSY!", "#ERROR!"}
    | {"#NOM?", "#VALEUR!", "#NOMBRE!", "#NUL!", "#PROPAGATION!", "#CHAMP!"}
    | {"#BEZUG!", "#NV", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#FELD!"}
)
"""What spreadsheets show in place of a value, in English, French and German. Source: Excel's help, "error.type"."""
TYPE_NAME = re.compile(r"(?:System|Microsoft)(?:\.\w+){1,6}(?:`\d\[[\w.]{1,200}\])?(?:\[\])?")
"""What Export-Csv writes for a property with several values. Source: about_Arrays; ToString of .NET's objects."""
NARROW = re.compile(r"#{3,}")
MAX_HEADER_ROW = 10
"""The row that names the columns is looked for among so many: exports have a title above it."""


@dataclass(frozen=True)
class Remark:
    """A message about the file. `line` counts from 1, as in an editor; 0 means the whole file.

    The message never contains a cell's text: in a shifted row any cell may be the secret.
    """

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        position = ", ".join(part for part in (_("line %d") % self.line if self.line else "", self.column) if part)
        return _("%(label)s: %(value)s") % {"label": position, "value": self.message} if position else self.message


class NotImported(Exception):
    """The file was refused and nothing was stored. `mistakes`: the first `MAX_REMARKS` reasons, by line."""

    def __init__(self, mistakes: list[Remark]) -> None:
        mistakes = sorted(mistakes, key=lambda mistake: mistake.line)
        self.mistakes = mistakes[:MAX_REMARKS]
        if len(mistakes) > MAX_REMARKS:
            self.mistakes.append(Remark(0, "", _("There are more errors than these; fix these first.")))
        super().__init__("\n".join(map(str, self.mistakes)))


def refuse_file(message: str) -> NotImported:
    """The refusal of a whole file, to raise."""
    return NotImported([Remark(0, "", message)])


class Records:
    """Rows of cells with the line that each begins on. Each row is one string, since a list of strings takes several
    times the memory."""

    def __init__(self) -> None:
        self._lines = array("L")
        self._packed: list[str] = []

    def append(self, line: int, cells: Sequence[str]) -> None:
        """Raises NotImported beyond `MAX_ROWS`."""
        if len(self._packed) == MAX_ROWS:
            raise refuse_file(_("The file has more than %d lines. Split it.") % MAX_ROWS)
        self._lines.append(line)
        self._packed.append("\0".join(cells))

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, index: int) -> tuple[int, list[str]]:
        return self._lines[index], self._packed[index].split("\0")

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return (self[index] for index in range(len(self)))


@dataclass
class RawTable:
    """A file's rows without regard to what its columns mean. `header` is as spelled in the file."""

    header: list[str] = field(default_factory=list)
    header_line: int = 1
    records: Records = field(default_factory=Records)
    mistakes: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    unreadable: list[tuple[int, int, str]] = field(default_factory=list)
    """Line and index of each cell that has no usable value and was emptied, and why."""

    def add(self, line: int, cells: list[str]) -> None:
        """Add a row of trimmed cells. One with cells beyond the header is a mistake."""
        width = len(self.header)
        if any(cells[width:]):
            self.mistakes.append(Remark(line, "", _("This line has more cells than the header names.")))
            return
        cells = cells[:width]
        for index, cell in enumerate(cells):
            if why := unreadable_reason(cell):
                self.unreadable.append((line, index, why))
                cells[index] = ""
        self.records.append(line, cells)


def unreadable_reason(cell: str) -> str:
    """Why a cell cannot be what was meant; empty if it can."""
    if len(cell) > MAX_CELL_LENGTH:
        return _("This cell is longer than %d characters.") % MAX_CELL_LENGTH
    if cell in SPREADSHEET_ERRORS:
        return _("The spreadsheet could not calculate this cell: it shows %s.") % cell
    if NARROW.fullmatch(cell):
        return _("The spreadsheet shows # signs, since the column is too narrow. Widen it and save the table again.")
    if TYPE_NAME.fullmatch(cell):
        return _("PowerShell wrote the type of the value here, not the value. Leave the column out.")
    return ""


def clean_cell(text: str) -> str:
    """The text without invisible characters around it; a null character cannot be stored."""
    return trimmed(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
