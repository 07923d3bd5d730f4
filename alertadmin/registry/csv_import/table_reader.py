"""Reads a table from a CSV file, an Excel workbook or JSON, told by its first octets. Other formats are named in the
error."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.registry.csv_import.csv_reader import encoding_of, read_csv
from alertadmin.registry.csv_import.header import check_columns, guess_columns, unknown_columns
from alertadmin.registry.csv_import.json_reader import read_json
from alertadmin.registry.csv_import.table import (
    MAX_BYTES,
    NotImported,
    RawTable,
    Remark,
    refuse_file,
)
from alertadmin.registry.csv_import.xlsx_reader import read_xlsx

SAVE_AS = gettext_lazy("Save the table as “Excel Workbook (.xlsx)” or “CSV UTF-8” and import that.")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""A compound file: Excel 97 to 2003, or a workbook that is protected with a password (MS-CFB, 2.2)."""
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
SIGNATURES = (
    (b"%PDF", gettext_lazy("This is a PDF, from which no table can be read reliably.")),
    (b"{\\rtf", gettext_lazy("This is a text document (RTF).")),
    (b"\x1f\x8b", gettext_lazy("This is a compressed file (gzip): unpack it first.")),
    (b"7z\xbc\xaf", gettext_lazy("This is a compressed file (7-Zip): unpack it first.")),
    (b"\x89PNG", gettext_lazy("This is a picture.")),
    (b"\xff\xd8\xff", gettext_lazy("This is a picture.")),
)
_JSON_PREFACE = re.compile(
    rb"(?:(?:\x1b\[[\d;]*m)*(?:WARNING|INFO|ERROR): [^\n]*\n){0,5}(?:\x1b\[[\d;]*m)*(?=\s*[\[{])"
)
"""Warnings and colours of `az` before its JSON, where all of its output was written into one file. Looked for at the
beginning only: at each place of a large file it would take minutes."""
MARKUP = (b"<!doctype html", b"<html", b"<table", b"<?xml", b"<!--")
"""What some programs save as .xls: a page, or Excel's XML of 2003."""


@dataclass(frozen=True)
class Row:
    """The cells of one record by column, and the line that it begins on."""

    line: int
    cells: dict[str, str] = field(repr=False)

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass
class MappedTable:
    """The rows of a file by column, the mistakes in lines that could not be read, and how the file was taken."""

    raw: RawTable
    columns: list[str]
    """By position; "" for one that is left out."""
    defaults: dict[str, str] = field(default_factory=dict, repr=False)
    """Values for the whole file, of columns that it does not have."""
    mistakes: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.raw.records)

    def row(self, index: int) -> Row:
        line, cells = self.raw.records[index]
        return Row(line, self.defaults | {name: cell for name, cell in zip(self.columns, cells, strict=False) if name})

    @property
    def rows(self) -> Iterator[Row]:
        return (self.row(index) for index in range(len(self)))

    def column(self, name: str) -> Iterator[str]:
        """The cells of one column."""
        if name in self.columns:
            index = self.columns.index(name)
            yield from (cells[index] for _line, cells in self.raw.records if index < len(cells))


def read_raw(file: BinaryIO) -> RawTable:
    """Read a file of any format. Raises NotImported if it has no table."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise refuse_file(_("The file is larger than 50 MB. Split it."))
    _refuse_other_formats(content)
    if content.startswith(b"PK\x03\x04"):
        _refuse_other_archives(content)
        return read_xlsx(content)
    if preface := _JSON_PREFACE.match(content):
        content = content[preface.end() :]
    if _is_json(content):
        remarks = RawTable()
        table = read_json(content.decode(encoding_of(content, remarks)))
        table.remarks += remarks.remarks
        return table
    return read_csv(content)


def read(file: BinaryIO) -> MappedTable:
    """Read a file by the names of its columns. Raises NotImported if those that are needed are not there."""
    return table_of(read_raw(file))


def table_of(
    raw: RawTable, columns: Sequence[str] | None = None, defaults: dict[str, str] | None = None
) -> MappedTable:
    """A table with the columns as given, or else as their names say. Raises NotImported if one is missing.

    `defaults` are values for the whole file; a column of the file counts more.
    """
    if raw.mistakes and not raw.header:
        raise NotImported(raw.mistakes)
    found = list(columns) if columns is not None else guess_columns(raw.header)
    given = {name: value for name, value in (defaults or {}).items() if value and name not in found}
    check_columns(raw, found, given)
    table = MappedTable(raw, found, given, list(raw.mistakes), list(raw.remarks))
    table.mistakes += [Remark(line, found[index], why) for line, index, why in raw.unreadable if found[index]]
    if unknown := unknown_columns(raw.header, found):
        table.remarks.append(Remark(raw.header_line, "", _("Columns that are not known were left out: %s.") % unknown))
    return table


def _is_json(content: bytes) -> bool:
    start = content[:200].replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe \t\r\n")
    return start[:1] in (b"[", b"{")


def _refuse_other_formats(content: bytes) -> None:
    if content.startswith(OLE):
        if ENCRYPTED in content:
            raise refuse_file(
                _(
                    "This workbook is protected with a password. Remove the password in Excel (File, Info, Protect "
                    "Workbook), save the file and import it."
                )
            )
        raise refuse_file(_("This is a file of Excel 97 to 2003 (.xls).") + f" {SAVE_AS}")
    for signature, what in SIGNATURES:
        if content.startswith(signature):
            raise refuse_file(f"{what} {SAVE_AS}")
    if content[:200].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(MARKUP):
        raise refuse_file(_("This is a web page or XML, though its name may end in .xls.") + f" {SAVE_AS}")


def _refuse_other_archives(content: bytes) -> None:
    """Raises NotImported for archives that are no .xlsx."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {name.lower() for name in archive.namelist()[:5000]}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return  # read_xlsx says that it is damaged
    if "xl/workbook.xml" in names:
        return
    if "xl/workbook.bin" in names:
        what = _("This is a binary workbook (.xlsb).")
    elif "content.xml" in names:
        what = _("This is an OpenDocument file (.ods) of LibreOffice or OpenOffice.")
    elif any(name.startswith("index/") or name == "index.zip" for name in names):
        what = _("This is a file of Apple Numbers: export it (File, Export To, Excel).")
    elif "word/document.xml" in names:
        what = _("This is a Word document.")
    else:
        what = _("This is a compressed folder (ZIP): unpack it first.")
    raise refuse_file(f"{what} {SAVE_AS}")
