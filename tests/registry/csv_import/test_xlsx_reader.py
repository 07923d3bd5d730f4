"""Reading of Excel workbooks: the visible table is found, cells keep their meaning, and hostile files are refused.

Layouts and faults from public reports: openpyxl's documentation (read-only mode, "worksheet dimensions" that are
wrong), ECMA-376 (merged cells, hidden sheets, dates as serials), and what spreadsheets other than Excel save.
"""

from __future__ import annotations

import io
import re
import time
from datetime import UTC, date, datetime
from functools import partial

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from alertadmin.registry.csv_import.table import NotImported
from alertadmin.registry.csv_import.table_reader import MappedTable, read
from tests.registry.csv_import.workbooks import HEADER, archive, rezipped, with_cached_values, workbook

ROW = ("d", "ALERT", "c", date(2027, 12, 31))
CELLS = {"directory_id": "d", "app_name": "ALERT", "client_id": "c", "secret_expires_on": "2027-12-31"}
SHEET = "xl/worksheets/sheet1.xml"


def moment(*parts: int) -> datetime:
    """A cell of a spreadsheet, which knows no time zones."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc, arg-type]


def table_of(content: bytes) -> MappedTable:
    return read(io.BytesIO(content))


def refusal(content: bytes) -> str:
    with pytest.raises(NotImported) as refused:
        table_of(content)
    return str(refused.value)


def test_a_sheet_is_read_with_its_row_numbers() -> None:
    found = table_of(workbook(HEADER, ROW, (), ("", None), ("e", "Relay", "f", moment(2027, 3, 4, 14, 30))))
    assert [(row.line, row["app_name"]) for row in found.rows] == [(2, "ALERT"), (5, "Relay")]
    assert [row["secret_expires_on"] for row in found.rows] == ["2027-12-31", "2027-03-04 14:30:00"]
    assert (found.mistakes, found.remarks) == ([], [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (moment(2027, 12, 31), "2027-12-31"),
        (46752, "46752"),
        (46752.5, "46752.5"),
        (46752.0, "46752"),
        ("31/12/2027", "31/12/2027"),
        (" 31.12.2027\u200e", "31.12.2027"),
        (True, "True"),
        ("first\nsecond", "first\nsecond"),
    ],
)
def test_a_cell_keeps_its_meaning(value: object, text: str) -> None:
    [row] = table_of(workbook(HEADER, ("d", "ALERT", "c", value))).rows
    assert row["secret_expires_on"] == text


def _title(_book: Workbook, sheet: Worksheet) -> None:
    sheet.insert_rows(1, 2)
    sheet["A1"] = "Customer"


def _second_sheet(book: Workbook, _sheet: Worksheet) -> None:
    notes = book.create_sheet("Read me", 0)
    notes["A1"] = "Fill in the other sheet."


def _hidden_before(book: Workbook, _sheet: Worksheet) -> None:
    hidden = book.create_sheet("old", 0)
    hidden.append(HEADER)
    hidden.append(("x", "Old", "y", "2020-01-01"))
    hidden.sheet_state = "veryHidden"


def _epoch_of_macs(book: Workbook, _sheet: Worksheet) -> None:
    book.epoch = moment(1904, 1, 1)


@pytest.mark.parametrize("change", [None, _title, _second_sheet, _hidden_before, _epoch_of_macs])
def test_the_table_is_found(change: object) -> None:
    found = table_of(workbook(HEADER, ROW, change=change))  # type: ignore[arg-type]
    assert [row.cells for row in found.rows] == [CELLS]
    assert len(found.remarks) == (change in (_second_sheet, _hidden_before))


def test_a_cell_merged_over_several_rows_counts_for_each() -> None:
    def merge(_book: Workbook, sheet: Worksheet) -> None:
        sheet.merge_cells("A2:A4")
        sheet.merge_cells("B5:C5")

    rows = [("d", name, f"c{name}", "2027-12-31") for name in "xyz"]
    found = list(table_of(workbook(HEADER, *rows, ("e", "w", "", ""), change=merge)).rows)
    assert [row["directory_id"] for row in found] == ["d", "d", "d", "e"]
    assert found[3]["client_id"] == ""


def test_a_formula_counts_as_the_value_that_was_saved_with_it() -> None:
    content = with_cached_values(workbook(HEADER, ("d", '="A"&"LERT"', "c", "2027-12-31")), {"B2": "ALERT"})
    assert [row.cells for row in table_of(content).rows] == [CELLS]


@pytest.mark.parametrize(
    ("value", "is_named"),
    [(b"", True), (b"<v></v>", True), (b"<v />", True), (b"<v>46752</v>", False)],
    ids=["none", "empty", "closed", "number"],
)
def test_a_formula_that_no_program_has_calculated_is_named(value: bytes, is_named: bool) -> None:
    content = rezipped(
        workbook(HEADER, ("d", "ALERT", "c", "=TODAY()"), ROW),
        {SHEET: lambda part: re.sub(rb"(?<=</f>)<v ?/?>(?:</v>)?", value, part)},
    )
    found = table_of(content)
    assert [(one.line, one.column) for one in found.mistakes] == [(2, "secret_expires_on")] * is_named
    assert all("in cell D2 has no calculated value" in one.message for one in found.mistakes)
    assert len(found) == 2


def test_a_formula_whose_text_is_empty_is_an_empty_cell() -> None:
    content = rezipped(
        workbook(HEADER, ("d", "ALERT", "c", '=IF(TRUE,"","x")')),
        {SHEET: lambda part: part.replace(b'<c r="D2">', b'<c r="D2" t="str">')},
    )
    assert table_of(content).mistakes == []


def test_uncalculated_formulas_are_named_in_headers_and_behind_long_sheets_but_not_beside_the_table() -> None:
    def change(_book: Workbook, sheet: Worksheet) -> None:
        sheet["A9000"], sheet["F9000"] = '="d"', "=1"

    found = table_of(workbook(HEADER, *[("d", "x" * 60, "c", "2027-12-31")] * 8998, change=change))
    assert [(one.line, one.column) for one in found.mistakes] == [(9000, "directory_id")]
    [mistake] = table_of(workbook((*HEADER, '="Owner"'), ROW)).mistakes
    assert "in cell E1" in mistake.message


@pytest.mark.control(55)
def test_a_sheet_of_unclosed_marks_is_searched_in_short_time() -> None:
    started = time.process_time()
    for mark in (b"<c ", b"<mergeCell ", b"<c r='A1'><f>"):
        content = rezipped(workbook(HEADER, ROW), {SHEET: partial(bytes.__add__, mark * 200_000)})
        assert "cannot be read" in refusal(content)
    assert time.process_time() - started < 5


def test_a_wrong_declared_size_of_the_sheet_is_ignored() -> None:
    content = rezipped(
        workbook(HEADER, ROW), {SHEET: lambda part: part.replace(b'<dimension ref="A1:D2"', b'<dimension ref="A1"')}
    )
    assert [row.cells for row in table_of(content).rows] == [CELLS]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7\n", "This is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel 97 to 2003 (.xls)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected with a password"),
        (archive("mimetype", "content.xml"), "(.ods)"),
        (archive("Index/Document.iwa"), "Apple Numbers"),
        (archive("xl/workbook.bin"), "(.xlsb)"),
        (archive("word/document.xml"), "Word document"),
        (archive("customers.csv"), "compressed folder"),
        (archive("xl/workbook.xml"), "cannot be read"),
        (b"PK\x03\x04" + bytes(100), "cannot be read"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\r\n<html><table>", "web page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook>', "web page or XML"),
        (b"{\\rtf1", "RTF"),
        (workbook(), "has no table"),
        (workbook(("a", "b"), ("c", "d")), "must name the columns"),
    ],
)
def test_other_files_are_named_with_what_to_do(content: bytes, said: str) -> None:
    message = refusal(content)
    assert said in message
    assert any(words in message for words in ("import", "must name", "Excel Workbook", "sheets are empty"))


def test_a_table_on_a_hidden_sheet_alone_is_said() -> None:
    def hide(book: Workbook, sheet: Worksheet) -> None:
        book.create_sheet("Front")
        sheet.sheet_state = "hidden"

    assert "hidden sheet" in refusal(workbook(HEADER, ROW, change=hide))


# Hostile files


@pytest.mark.control(55)
def test_an_xml_bomb_is_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    content = rezipped(
        workbook(HEADER, ROW), {SHEET: lambda part: bomb + part.replace(b"<sheetData>", b"<sheetData>&b;")}
    )
    assert "cannot be read" in refusal(content)


@pytest.mark.control(55)
def test_a_row_number_beyond_the_last_costs_nothing() -> None:
    content = rezipped(workbook(HEADER, ROW), {SHEET: lambda part: part.replace(b'<row r="2"', b'<row r="2000000000"')})
    assert list(table_of(content).rows) == []


@pytest.mark.control(55)
@pytest.mark.parametrize("bound", ["MAX_UNPACKED", "MAX_STRINGS", "MAX_PARTS", "MAX_TYPES"])
def test_a_workbook_that_is_large_when_unpacked_is_refused(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    strings = b'<Override PartName="/xl/s.xml" ContentType="application/vnd.x.sharedStrings+xml"/></Types>'
    parts = {"[Content_Types].xml": lambda part: part.replace(b"</Types>", strings)}
    content = rezipped(workbook(HEADER, ROW), parts, {"xl/s.xml": b"<sst/>"})
    assert len(list(table_of(content).rows)) == 1
    monkeypatch.setattr(f"alertadmin.registry.csv_import.xlsx_reader.{bound}", 3)
    assert "too large when unpacked" in refusal(content)
