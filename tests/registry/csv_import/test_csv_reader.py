"""Reading of CSV files: any dialect is read, and mistakes are reported with line and column."""

from __future__ import annotations

import csv
import io
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.registry.csv_import import COLUMNS, NotImported
from alertadmin.registry.csv_import.column_names import ALIASES, _key
from alertadmin.registry.csv_import.table import unreadable_reason
from alertadmin.registry.csv_import.table_reader import MappedTable, read
from alertadmin.registry.text import trimmed

LINE_ENDS = ["\n", "\r\n", "\r"]
HEADER = "directory_id,app_name,client_id"

cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).filter(
    lambda cell: not unreadable_reason(trimmed(cell))  # such as #NUL!, which hypothesis takes from the modules
)
tables = st.integers(2, len(COLUMNS)).flatmap(
    lambda width: st.tuples(
        st.permutations([name for name in COLUMNS if name != "directory_id"]).map(
            lambda names: ["directory_id", *names[: width - 1]]
        ),
        st.lists(st.lists(cells, min_size=width, max_size=width), max_size=6),
    )
)


def table_of(text: str) -> MappedTable:
    return read(io.BytesIO(text.encode()))


def refusal(content: bytes) -> str:
    with pytest.raises(NotImported) as refused:
        read(io.BytesIO(content))
    return str(refused.value)


@given(
    tables,
    st.sampled_from(",;\t"),
    st.sampled_from(LINE_ENDS),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.booleans(),
)
def test_csv_in_any_spreadsheet_dialect_is_read(
    table: tuple[list[str], list[list[str]]], separator: str, line_end: str, quoting: Literal[0, 1], with_mark: bool
) -> None:
    header, rows = table
    if any(line_end in cell for row in rows for cell in row for line_end in "\r\n"):
        quoting = csv.QUOTE_ALL  # Python's writer leaves a line break of another kind than its own unquoted
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=line_end, quoting=quoting).writerows([header, *rows])
    found = read(io.BytesIO(text.getvalue().encode("utf-8-sig" if with_mark else "utf-8")))
    assert found.mistakes == []
    expected = [{name: trimmed(cell) for name, cell in zip(header, row, strict=True)} for row in rows]
    assert [row.cells for row in found.rows] == [row for row in expected if any(row.values())]


@given(st.lists(st.sampled_from(["plain", '"two\nlines"', '"three\r\n\r\nlines"', "", "  ", '""']), max_size=8))
def test_a_row_is_counted_by_the_line_it_begins_on(starts: list[str]) -> None:
    text, expected, line = "directory_id,app_name\n", [], 2
    for start in starts:
        text += f"{start},\n"
        if start.strip(' "'):
            expected.append(line)
        line += 1 + start.count("\n")
    assert [row.line for row in table_of(text).rows] == expected


def test_line_ends_may_be_mixed() -> None:
    found = table_of(f"{HEADER}\r\na,b,c\rd,e,f\n\r\ng,h,i")
    assert [(row.line, row["directory_id"]) for row in found.rows] == [(2, "a"), (3, "d"), (5, "g")]


@pytest.mark.parametrize(
    "header",
    [
        "client_id,directory_id,app_name",
        "CLIENT_ID,Directory_Id,App_Name",
        " client id , directory-id ,app  name",
        '"client_id","directory_id","app_name"',
        "client_id,directory_id,app_name,,",
        "\ufeffclient_id,directory_id,app_name",
        "\n\n \r\nclient_id,directory_id,app_name",
        "client_id;directory_id;app_name",
        "client_id\tdirectory_id\tapp_name",
    ],
)
def test_the_header_may_be_in_any_order_and_spelling(header: str) -> None:
    separator = max(",;\t", key=header.count)
    (row,) = table_of(f"{header}\n1{separator}2{separator}3\n").rows
    assert (row["client_id"], row["directory_id"], row["app_name"], row["mailbox"]) == ("1", "2", "3", "")


def test_contacts_within_quotation_marks_do_not_decide_the_separator() -> None:
    (row,) = table_of('directory_id,contact_emails\rx,"a@x;b@x;c@x;d@x"\r').rows
    assert row["contact_emails"] == "a@x;b@x;c@x;d@x"


# Refusals


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "picture"),
        (b"GIF89a\x01\0\x01\0\xff\xfe\x81", "UTF-8"),
        (f"{HEADER}\na,\0,c\n".encode(), "binary"),
        (b"PK\x03\x04\x14\0\0\0", "cannot be read"),
        (b"title,colour\nx,y\n", "must name the columns"),
        (b"app_name,client_id\nx,y\n", "directory_id is missing"),
        (b"directory_id,app_name,app_name\n", "twice: app_name"),
        (b"directory_id,Tenant ID,app_name\n", "twice: directory_id"),
        (b"directory_id,app_name\nx,\x81\n", "UTF-8"),
        (b"\xff\xfed\x00i\x00\xd8", "UTF-8"),
        (b"sep=;\n", "empty"),
    ],
)
def test_other_files_are_refused_with_one_message(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_a_first_line_of_values_is_never_shown() -> None:
    row = "Northpark,1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed,fT48Q~0123456789abcdefghijklmnopqrstuvwx"
    assert "ft48" not in refusal(f"{row}\n".encode()).lower()
    [remark] = table_of(f"{row},directory_id\n").remarks
    assert "the one at position 3" in remark.message
    assert "ft48" not in remark.message.lower()


ROWS = [{"directory_id": "d", "app_name": "Société Générale", "client_id": "c"}]
PLAIN = "directory_id;app_name;client_id\r\nd;Société Générale;c\r\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),  # Excel: CSV UTF-8
        PLAIN.encode("cp1252"),  # Excel: CSV, in Western Europe
        PLAIN.replace(";", "\t").encode("utf-16"),  # Excel: Unicode text
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        f"sep=;\r\n{PLAIN}".encode(),
        f'"sep=;"\r\n{PLAIN}'.encode(),
        f"\ufeffsep=|\n{PLAIN.replace(';', '|')}".encode(),
        f"#TYPE Microsoft.Graph.PowerShell.Models.MicrosoftGraphApplication\r\n{PLAIN}".encode(),
        f"#TYPE System.Management.Automation.PSCustomObject;;\r\n{PLAIN}".encode("utf-16"),
        f"sep=;\r\n#TYPE Selected.Object\r\n\r\n{PLAIN}".encode(),
    ],
)
def test_files_of_programs_are_read(content: bytes) -> None:
    found = read(io.BytesIO(content))
    assert [row.cells for row in found.rows] == ROWS
    assert found.mistakes == []
    assert len(found.remarks) == (content == PLAIN.encode("cp1252"))


def test_many_lines_before_the_header_are_no_preamble() -> None:
    assert "must name the columns" in refusal(b"sep=;\n" * 100_000)


def test_lines_before_the_header_count() -> None:
    [row] = table_of(f"sep=;\r\n\r\n#TYPE x\r\n{PLAIN}").rows
    assert row.line == 5


@pytest.mark.parametrize(
    "header",
    [
        "Directory (tenant) ID;Display name;Application (client) ID",  # the portal
        "ID de l’annuaire (locataire);Nom d’affichage;ID d’application (client)",
        "Verzeichnis-ID (Mandant);Anzeigename;Anwendungs-ID (Client)",
        "tenantId;displayName;appId",  # az and Microsoft Graph
        "TenantId;ApplicationName;ClientId",
        "TENANT ID;App name;app-id",
        "HomeTenantId;Application;ClientID",
    ],
)
def test_headers_in_the_words_of_portals_and_scripts_are_known(header: str) -> None:
    assert [row.cells for row in table_of(f"{header}\nd;Société Générale;c\n").rows] == ROWS


@pytest.mark.parametrize(
    "name",
    [
        "Expires",
        "End date",
        "secretEndDate",
        "endDateTime",
        "Expire le",
        "Date d’expiration",
        "Gültig bis",
        "Läuft ab am",
    ],
)
def test_expiry_dates_are_known_by_many_names(name: str) -> None:
    [row] = table_of(f"directory_id,{name}\nd,2027-12-31\n").rows
    assert row["secret_expires_on"] == "2027-12-31"


def test_no_name_means_two_columns() -> None:
    names = [_key(name) for column, aliases in ALIASES.items() for name in (column, *aliases)]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert set(ALIASES) | {"cloud"} == set(COLUMNS)


def test_columns_that_are_not_known_are_left_out_and_said() -> None:
    found = table_of("directory_id;Notes;app_name;Internal no.\nd;call Bo first;ALERT;7\n")
    assert [row.cells for row in found.rows] == [{"directory_id": "d", "app_name": "ALERT"}]
    [remark] = found.remarks
    assert remark.message == "Columns that are not known were left out: notes, the one at position 4."


def test_a_line_break_inside_a_cell_stays_in_the_cell() -> None:
    [row] = table_of('directory_id,app_name\r\nd,"first\nsecond"\r\n').rows
    assert row["app_name"] == "first\nsecond"


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        (f'{HEADER}\na,b,c\nd,"e,f\n', 3, "", "no CSV line"),
        (f'{HEADER}\na,b,c\n"d"x,e,f\n', 3, "", "no CSV line"),
        (f"{HEADER}\na,b,c\nd,e,f,g\n", 3, "", "more cells"),
        (f"{HEADER}\na,{'x' * 4001},c\n", 2, "app_name", "longer than 4000"),
        (f'{HEADER}\na,"{"x" * 200_000}",c\n', 2, "", "field larger"),
    ],
)
def test_broken_line_is_reported_with_line_and_column(text: str, line: int, column: str, said: str) -> None:
    (mistake,) = table_of(text).mistakes
    assert (mistake.line, mistake.column) == (line, column)
    assert said in mistake.message


def test_cells_beyond_the_header_may_be_empty() -> None:
    assert [row["client_id"] for row in table_of(f"{HEADER}\na,b,c,,\nd,e\n").rows] == ["c", ""]


@pytest.mark.control(55)
def test_a_million_columns_are_said_in_a_few_words() -> None:
    [remark] = table_of("directory_id" + ",x" * 1_000_000 + "\n").remarks
    assert remark.message == "Columns that are not known were left out: x, x, x, x, x, …."


@pytest.mark.control(55)
def test_a_million_cells_in_a_line_are_one_mistake() -> None:
    (mistake,) = table_of(f"{HEADER}\na{',b' * 1_000_000}\n").mistakes
    assert (mistake.line, mistake.column) == (2, "")


@pytest.mark.control(55)
def test_too_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as file:
        file.write(b"directory_id\n")
        file.truncate(1_000_000_000)
    with path.open("rb") as file:
        with pytest.raises(NotImported, match="larger than 50 MB"):
            read(file)
        assert file.tell() <= 50_000_001


@pytest.mark.control(55)
def test_too_many_lines_are_refused() -> None:
    assert "more than 200000 lines" in refusal(b"directory_id\n" + b"x\n" * 200_001)


@given(st.binary(max_size=200), st.sampled_from(["", f"{HEADER}\n", f'{HEADER}\na,"']))
def test_arbitrary_bytes_raise_only_not_imported(content: bytes, begin: str) -> None:
    with suppress(NotImported):
        read(io.BytesIO(begin.encode() + content))
