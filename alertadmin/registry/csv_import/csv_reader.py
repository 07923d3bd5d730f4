"""Reads the text of a CSV file into rows of cells, as Excel, PowerShell and other programs write them.

Separators: comma, semicolon, tab, or the one of a first line such as "sep=;". Encodings: UTF-8, UTF-16, Windows-1252.
A first line "#TYPE …" of Windows PowerShell's Export-Csv is skipped. Quotation marks may be those of a word processor,
and stand around whole lines.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, islice

from django.utils.translation import gettext as _

from alertadmin.registry.csv_import.column_names import COLUMNS, column_of
from alertadmin.registry.csv_import.header import find_header
from alertadmin.registry.csv_import.table import RawTable, Remark, refuse_file
from alertadmin.registry.text import trimmed

SEPARATORS = ",;\t|^，；"
QUOTES = str.maketrans("“”„", '"""')
"""A word processor's quotation marks, where the header has them."""
MAX_PREAMBLE = 2
"""Lines "sep=" and "#TYPE" before the header."""
CHUNK = 65_536
MAX_CELLS = 5_000
"""Cells of a line that are looked at: no table has so many columns, and a hostile line has millions."""
_PREAMBLE = re.compile(r'"?(?:sep=(?P<separator>[,;\t|])|#TYPE [^\r\n]*?)"?[,;\t]*', re.IGNORECASE)
"""A line before the header: Excel's separator, or the type of Windows PowerShell's Export-Csv."""
_RULE = re.compile(r":?-{3,}:?")
"""A cell of the line below the header of a table in Markdown."""
_RULED = re.compile(r"-{2,}(?:[ |+]+-{2,})*\s*")
"""The line below the header of a table for the eye: of Format-Table, or of `az … -o table`."""
_LISTED = re.compile(r"(?:- )?[A-Za-z][\w ]{0,40}\s*: .*")
"""A line of Format-List, or of YAML."""
_QUOTED_LINE = re.compile(r'"(?P<text>(?:[^"]|"")*)"[,;\t]*')
_TEXT_FORMULA = re.compile(r'="(?P<text>.*)"', re.DOTALL)
"""How programs keep Excel from reading an ID as a number."""
_BINARY = re.compile(rb"[\0-\x08\x0e-\x1b]")
"""Octets that no program writes into a text in Windows-1252."""


def read_csv(content: bytes) -> RawTable:
    """Raises NotImported if it is no text, or has no line at all."""
    table = RawTable()
    content = content.removesuffix(b"\x1a")  # the end of a text of DOS
    encoding = encoding_of(content, table)
    lines = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    skipped, separator, first = 0, "", ""
    for _preamble in range(MAX_PREAMBLE + 1):
        blank, first = _next_line(lines)
        skipped += blank
        if (preamble := _PREAMBLE.fullmatch(first.strip())) is None or _preamble == MAX_PREAMBLE:
            break
        separator = preamble["separator"] or separator
        skipped += 1
    if not first:
        raise refuse_file(_("The file is empty. Its first line must name the columns: %s.") % ", ".join(COLUMNS))
    second = next(lines, "")
    _refuse_text_for_the_eye(first, second)
    following: Iterator[str] = chain([first, second] if second else [first], lines)
    quote = '"'
    if first.startswith("“"):
        first, following = first.translate(QUOTES), (line.translate(QUOTES) for line in following)
    elif re.match(r"'[^']*'\s*[,;\t|]", first):
        quote = "'"
    elif column := _whole_line(first):
        first, following = column, (cells[0] if cells else "" for cells in csv.reader(following))
    separator = separator or _separator(first)
    reader = csv.reader(following, delimiter=separator, quotechar=quote, skipinitialspace=True, strict=True)
    find_header(table, _records(reader, table, skipped))
    return table


def _whole_line(first: str) -> str:
    """The line within the quotation marks around it, if it names several columns there: Excel quotes a line that stands
    in one cell."""
    match = _QUOTED_LINE.fullmatch(first.strip())
    text = match["text"].replace('""', '"') if match else ""
    return text if re.search(f"[{SEPARATORS}]", text) else ""


def _refuse_text_for_the_eye(first: str, second: str) -> None:
    """Raises NotImported for a text that is laid out to be read, by its first two lines."""
    if _RULED.fullmatch(second) or (_LISTED.fullmatch(first.strip()) and _LISTED.fullmatch(second.strip())):
        raise refuse_file(
            _(
                "This is a list laid out to be read, not a table. Write it with Export-Csv or ConvertTo-Json in "
                "PowerShell, or with -o json in az."
            )
        )


def encoding_of(content: bytes, table: RawTable) -> str:
    """UTF-16, UTF-8 or, with a remark, Windows-1252. Raises NotImported for other data."""
    sample = content[:200]
    little, big = sample[1::2], sample[::2]
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if marked:
        found = "utf-16"
    elif len(content) > 3 and not content.startswith(b"PK") and little.count(0) * 2 > len(little):
        found = "utf-16-le"
    elif len(content) > 3 and big.count(0) * 2 > len(big):
        found = "utf-16-be"
    else:
        found = "utf-8-sig"
    if _is_text(content, found):
        return found
    if marked or _BINARY.search(content) or not _is_text(content, "cp1252"):
        raise refuse_file(
            _('This is no text in UTF-8. Save the table as "CSV UTF-8 (comma delimited)" and import that.')
        )
    table.remarks.append(
        Remark(0, "", _("The file is not in UTF-8 and was read as Windows-1252. Check letters with accents."))
    )
    return "cp1252"


def _is_text(content: bytes, encoding: str) -> bool:
    """Whether it can be decoded; in pieces, since the whole text would take up to four times the memory.

    Raises NotImported for null characters.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(content), CHUNK):
            if "\0" in decoder.decode(content[start : start + CHUNK]):
                raise refuse_file(_("This is no CSV file: it holds binary data."))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _next_line(lines: io.TextIOWrapper) -> tuple[int, str]:
    """The number of blank lines, and the line after them; "" at the end of the file."""
    for blank, line in enumerate(lines):
        if line.strip():
            return blank, line
    return 0, ""


def _separator(first: str) -> str:
    """The character that divides the header into most names that are known, or else into most parts."""

    def found(separator: str) -> tuple[int, int]:
        names = first.split(separator, MAX_NAMES)[:MAX_NAMES]
        return len({column_of(name) for name in names} - {""}), first.count(separator)

    return max(SEPARATORS, key=found)


MAX_NAMES = 200
"""Names of a header that are looked at for the separator."""


def _records(reader: Iterator[list[str]], table: RawTable, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty, with the line that it begins on. Quoted cells may span lines."""
    begins = 1 + skipped
    try:
        for cells in reader:
            cells = [_text(cell) for cell in islice(cells, MAX_CELLS)]
            if any(cell and not _RULE.fullmatch(cell) for cell in cells):
                yield begins, cells
            begins = skipped + reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        # After unbalanced quotation marks the beginning of the next record is unknown.
        table.mistakes.append(Remark(begins, "", _("This is no CSV line: %(error)s.") % {"error": error}))


def _text(cell: str) -> str:
    cell = trimmed(cell)
    match = _TEXT_FORMULA.fullmatch(cell)
    return trimmed(match["text"].replace('""', '"')) if match else cell
