"""Excel workbooks for the tests, from rows of cells."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

HEADER = ("Directory (tenant) ID", "Display name", "Application (client) ID", "Expires")


def workbook(*rows: Sequence[object], change: Callable[[Workbook, Worksheet], None] | None = None) -> bytes:
    """The file with one sheet of these rows, after `change`."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(list(row))
    if change:
        change(book, sheet)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def rezipped(
    content: bytes, changes: dict[str, Callable[[bytes], bytes]], extra: dict[str, bytes] | None = None
) -> bytes:
    """The workbook with parts changed by path, and parts added."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name, bytes)(old.read(name)))
        for name, part in (extra or {}).items():
            new.writestr(name, part)
    return changed.getvalue()


def archive(*names: str) -> bytes:
    """A ZIP file with these parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as new:
        for name in names:
            new.writestr(name, b"<x/>")
    return file.getvalue()


def with_cached_values(content: bytes, values: dict[str, str]) -> bytes:
    """The workbook with a stored value behind the formula of each cell, as Excel saves it."""

    def change(part: bytes) -> bytes:
        for cell, value in values.items():
            pattern = rb'(<c r="%s")[^>]*>(<f>.*?</f>)<v ?/?>(?:</v>)?' % cell.encode()
            part, count = re.subn(pattern, rb'\1 t="str">\2<v>%s</v>' % value.encode(), part)
            assert count == 1, (cell, part)
        return part

    return rezipped(content, {"xl/worksheets/sheet1.xml": change})
