"""Reads the first table of an Excel workbook (.xlsx) into rows of cells.

Dates come from the cells' number formats, formulas from the values that Excel stored with them; a formula without one
is a mistake, since its cell would look empty. A cell that is merged with those below it counts for all of them. Hidden
sheets are not read. Source: ECMA-376, part 1.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import openpyxl
from defusedxml import ElementTree
from django.utils.translation import gettext as _
from openpyxl.utils import column_index_from_string

from alertadmin.registry.csv_import.header import find_header
from alertadmin.registry.csv_import.table import MAX_COLUMNS, NotImported, RawTable, Remark, clean_cell, refuse_file

MAX_UNPACKED = 400_000_000
"""Octets of the sheets, which are read as a stream."""
MAX_STRINGS = 60_000_000
"""Octets of the shared strings, which are held in memory."""
MAX_PARTS = 2_000
MAX_TYPES = 1_000_000
"""Octets of the list of parts."""
MAX_SHEETS = 50
MAX_ROW = 1_048_576
"""The last row of a sheet: a number beyond it would yield as many empty rows."""
MAX_MERGED = 20_000
MAX_FORMULAS = 2_000
"""Formulas without a value that are named."""
CHUNK = 262_144
OVERLAP = 16_384
"""Octets of a chunk that are searched again with the next one: a formula has at most 8,192 characters."""
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^<>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_UNCALCULATED = re.compile(
    rb"<(?:\w+:)?c\s([^<>]*)>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*(<(?:\w+:)?v\b[^<>]*>)?\s*</"
)
"""A cell with a formula and no value: its attributes, and the mark of an empty value if there is one."""
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_TYPES = "[Content_Types].xml"
_STRINGS = re.compile(rb'<(?:\w+:)?Override\b(?=[^>]*sharedStrings\+xml)[^>]*?\bPartName="([^"]*)"')
"""The part of the shared strings; it may have any name."""
_NAMESPACES = {
    "main": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "rel": "http://schemas.openxmlformats.org/package/2006/relationships",
}
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass
class SheetFacts:
    """What openpyxl's reader of large files leaves out. Rows count from 1, columns from 0."""

    merged: dict[tuple[int, int], int] = field(default_factory=dict)
    """By row and column of a merged cell: the row whose value it has."""
    uncalculated: dict[tuple[int, int], str] = field(default_factory=dict)
    """Names ("C7") of the cells with a formula that no program has calculated, by row and column."""


def read_xlsx(content: bytes) -> RawTable:
    """Raises NotImported if the workbook is damaged or too large, or if no visible sheet names the columns."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        _check_size(archive)
        workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        return _first_table(workbook, archive)
    except NotImported:
        raise
    except Exception as error:
        # openpyxl lets pass what each part that it reads raises: zipfile, zlib, XML, KeyError, ValueError and others.
        raise refuse_file(
            _("This workbook cannot be read. Open it in Excel and save it again as “Excel Workbook (.xlsx)”.")
        ) from error


def _check_size(archive: zipfile.ZipFile) -> None:
    """By the declared sizes, beyond which zipfile reads no part. Raises NotImported."""
    parts = {part.filename: part.file_size for part in archive.infolist()}
    if len(parts) <= MAX_PARTS and sum(parts.values()) <= MAX_UNPACKED and parts[_TYPES] <= MAX_TYPES:
        names = [match[1].decode() for match in _STRINGS.finditer(archive.read(_TYPES))]
        if sum(parts.get(name.lstrip("/"), 0) for name in names) <= MAX_STRINGS:
            return
    raise refuse_file(_("This workbook is too large when unpacked. Save its table as “CSV UTF-8” and import that."))


def _first_table(workbook: openpyxl.Workbook, archive: zipfile.ZipFile) -> RawTable:
    """The first visible sheet with a row that names columns, or else the first with any row."""
    sheets = workbook.worksheets[:MAX_SHEETS]
    visible = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    found: RawTable | None = None
    for sheet in visible:
        table = RawTable()
        facts = _facts(archive, sheet.title)
        if find_header(table, _rows(sheet, facts.merged)):
            _add_mistakes(table, facts.uncalculated)
            if len(sheets) > 1:
                number = _("Sheet %(number)d of %(all)d of the workbook was read.")
                table.remarks.append(Remark(0, "", number % {"number": sheets.index(sheet) + 1, "all": len(sheets)}))
            return table
        if found is None and table.header:
            found = table
    if len(visible) < len(sheets) and any(find_header(RawTable(), _rows(sheet, {})) for sheet in sheets):
        raise refuse_file(_("The table is on a hidden sheet. Unhide the sheet in Excel, save the file and import it."))
    if found is None:
        raise refuse_file(_("The workbook has no table: its visible sheets are empty."))
    return found


def _rows(sheet: Any, merged: Mapping[tuple[int, int], int]) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with its number."""
    sheet.reset_dimensions()  # some programs declare one cell as the whole sheet
    origins: dict[tuple[int, int], str] = {}
    above = {(row, column) for (_row, column), row in merged.items()}
    previous: object = None
    for number, values in enumerate(_values(sheet), 1):
        if values is previous:
            continue  # openpyxl's one empty row, for each of a million that a sheet's last row number stands for
        previous = values
        cells = [clean_cell(_text(value)) for value in values]
        for column in range(len(cells)) if merged else ():
            if (number, column) in above:
                origins[number, column] = cells[column]
            elif (row := merged.get((number, column))) is not None and not cells[column]:
                cells[column] = origins.get((row, column), "")
        if any(cells):
            yield number, cells


def _values(sheet: Any) -> Iterator[Sequence[object]]:
    """The values of each row. `sheet` is openpyxl's read-only sheet, whose class is not public."""
    rows: Iterator[Sequence[object]] = sheet.iter_rows(max_row=MAX_ROW, max_col=MAX_COLUMNS, values_only=True)
    return rows


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        # Excel knows no dates without a time: midnight is a date.
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _facts(archive: zipfile.ZipFile, title: str) -> SheetFacts:
    """Merged cells, in the first columns, and formulas without a value, from the text of the sheet's part."""
    facts = SheetFacts()
    rest = b""
    with archive.open(_part_of(archive, title)) as part:
        while chunk := part.read(CHUNK):
            data = rest + chunk
            _add_merged(facts.merged, data)
            _add_uncalculated(facts.uncalculated, data)
            rest = data[-OVERLAP:]
    return facts


def _add_merged(found: dict[tuple[int, int], int], data: bytes) -> None:
    for match in _MERGED.finditer(data):
        left, top, bottom = match[1].decode(), int(match[2]), min(int(match[4]), MAX_ROW)
        column = column_index_from_string(left) - 1
        if len(found) + bottom - top <= MAX_MERGED:
            found |= {(row, column): top for row in range(top + 1, bottom + 1)}


def _add_uncalculated(found: dict[tuple[int, int], str], data: bytes) -> None:
    for match in _UNCALCULATED.finditer(data):
        is_empty_text = match[2] and b't="str"' in match[1]
        reference = _REFERENCE.search(match[1])
        if reference and not is_empty_text and len(found) < MAX_FORMULAS:
            column, row = reference[1].decode(), int(reference[2])
            found[row, column_index_from_string(column) - 1] = f"{column}{row}"


def _add_mistakes(table: RawTable, uncalculated: Mapping[tuple[int, int], str]) -> None:
    """A mistake for each cell below the header, or in it, whose formula has no value."""
    for (row, column), name in sorted(uncalculated.items()):
        message = _(
            "The formula in cell %s has no calculated value. Open the workbook in Excel, save it and import it again."
        )
        if row == table.header_line:
            table.mistakes.append(Remark(row, "", message % name))
        elif row > table.header_line and column < len(table.header):
            table.unreadable.append((row, column, message % name))


def _part_of(archive: zipfile.ZipFile, title: str) -> str:
    """The path of a sheet's part. Raises KeyError, AttributeError if the workbook lacks it."""
    sheets = ElementTree.fromstring(archive.read("xl/workbook.xml")).iterfind("main:sheets/main:sheet", _NAMESPACES)
    relation = next(sheet.get(_RELATION) for sheet in sheets if sheet.get("name") == title)
    for one in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels")).iterfind(
        "rel:Relationship", _NAMESPACES
    ):
        if one.get("Id") == relation:
            target = one.get("Target") or ""
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(title)
