"""Write rows as CSV, XLSX or JSON, in pieces, so that memory does not grow with the rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from alertadmin.registry.text import escape_formula

Cell = str | int | datetime | None
Row = Sequence[Cell]
MAX_XLSX_ROWS = 1_048_575
"""Without the header. Source: Microsoft, "Excel specifications and limits"."""
MAX_IN_MEMORY = 32 * 1024**2
"""Bytes of a workbook before it is kept in a file."""
PIECE = 200
"""Rows of one piece of a response."""
WIDTH = 24
"""Of a column, in characters."""
_FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535))
"""Control characters that XML cannot hold."""


@dataclass(frozen=True)
class ExportSheet:
    title: str
    header: Sequence[str]
    rows: Iterable[Row]


@dataclass(frozen=True)
class ExportFormat:
    name: str
    label: str | Promise
    content_type: str
    write: Callable[[ExportSheet], Iterator[bytes]]


def as_csv(sheet: ExportSheet) -> Iterator[bytes]:
    """With a byte order mark, separated as spreadsheets of the reader's language expect."""
    separator = ";" if (get_language() or "").startswith("fr") else ","
    yield "\ufeff".encode()
    for part in _pieces(iter([sheet.header]), iter(sheet.rows)):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator)
        writer.writerows([_text(one) for one in row] for row in part)
        yield text.getvalue().encode("utf-8", "replace")


def as_json(sheet: ExportSheet) -> Iterator[bytes]:
    """A list of objects."""
    yield b"["
    is_first = True
    for part in _pieces(iter(sheet.rows)):
        objects = [
            json.dumps(dict(zip(sheet.header, map(_json_value, row), strict=True)), ensure_ascii=False) for row in part
        ]
        yield ((b"" if is_first else b",") + "\n,".join(objects).encode("utf-8", "replace")) + b"\n"
        is_first = False
    yield b"]\n"


def as_xlsx(sheet: ExportSheet) -> Iterator[bytes]:
    return workbook_pieces([sheet])


def workbook_pieces(sheets: Iterable[ExportSheet]) -> Iterator[bytes]:
    """The workbook's file, in pieces. Header in bold and frozen, a filter on each column, dates as dates, everything
    else as text: nothing is a formula."""
    book = Workbook(write_only=True)
    for sheet in sheets:
        page: Any = book.create_sheet(sheet.title[:31])
        page.freeze_panes = "A2"
        for number in range(1, len(sheet.header) + 1):
            page.column_dimensions[get_column_letter(number)].width = WIDTH
        header = [WriteOnlyCell(page, value=name) for name in sheet.header]
        for cell in header:
            cell.font = Font(bold=True)
        page.append(header)
        count = 0
        for row in sheet.rows:
            if count == MAX_XLSX_ROWS:
                break
            count += 1
            page.append([_xlsx_cell(page, one) for one in row])
        page.auto_filter.ref = f"A1:{get_column_letter(max(1, len(sheet.header)))}{count + 1}"
    file = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115 (closed when it was read)
    book.save(file)
    file.seek(0)
    return _read_pieces(file)


def _read_pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(65536):
            yield piece


def _xlsx_cell(page: Any, value: Cell) -> Any:
    if isinstance(value, datetime):
        cell = WriteOnlyCell(page, value=timezone.localtime(value).replace(tzinfo=None, microsecond=0))
        cell.number_format = "yyyy-mm-dd hh:mm"
        return cell
    if isinstance(value, int) or value is None:
        return value
    cell = WriteOnlyCell(page, value=_text(value).translate(_FORBIDDEN)[:32767])
    cell.data_type = "s"
    return cell


def _text(value: Cell) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "" if value is None else escape_formula(str(value))


def _json_value(value: Cell) -> str | int | None:
    return value if isinstance(value, int) or value is None else _text(value)


def _pieces(*parts: Iterator[Row]) -> Iterator[list[Row]]:
    for part in parts:
        piece: list[Row] = []
        for row in part:
            piece.append(row)
            if len(piece) == PIECE:
                yield piece
                piece = []
        if piece:
            yield piece


FORMATS = {
    one.name: one
    for one in (
        ExportFormat("xlsx", _("Excel"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
        ExportFormat("csv", "CSV", "text/csv; charset=utf-8", as_csv),
        ExportFormat("json", "JSON", "application/json", as_json),
    )
}
