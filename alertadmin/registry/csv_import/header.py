"""Finds the row of a file that names the columns, and what each column is taken for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from django.utils.translation import gettext as _

from alertadmin.registry.csv_import.column_names import COLUMNS, column_of, is_vague
from alertadmin.registry.csv_import.table import MAX_HEADER_ROW, NotImported, RawTable, Remark

REASON = "reason"
"""The column that a download of refused rows adds. It is left out without a remark."""
MAX_LISTED = 5
"""Unknown columns that are named."""
_NAME_LIKE = re.compile(r"[a-z_]{1,24}")
"""An unknown column's name that may be shown. In a file without a header line, that cell may contain a secret."""


def find_header(table: RawTable, records: Iterator[tuple[int, list[str]]]) -> bool:
    """Fill the table from its rows, of which the first with names of columns is the header, or else the first of all.

    Returns whether such a row was found.
    """
    begin = list(islice(records, MAX_HEADER_ROW))
    if not begin:
        return False
    counts = [len(set(guess_columns(cells)) - {""}) for _line, cells in begin]
    # A title such as "Customer" above the names of columns is one itself.
    index = next((index for index, count in enumerate(counts) if count > 1), counts.index(max(counts)))
    table.header_line, header = begin[index]
    while header and not header[-1]:
        # Spreadsheets write separators for columns that were emptied.
        header = header[:-1]
    table.header = header
    for line, cells in chain(begin[index + 1 :], records):
        if cells != header:  # files that were joined repeat it
            table.add(line, cells)
    return counts[index] > 0


def guess_columns(header: Sequence[str]) -> list[str]:
    """What each column is taken for by its name, "" for one that is not known.

    A vague name such as "display name" or "type" gives way to a clear one: beside the app's name it is the secret's.
    """
    names = [column_of(name) for name in header]
    counts = Counter(names)
    for index, name in enumerate(names):
        if name and counts[name] > 1 and is_vague(header[index]):
            names[index] = "secret_description" if name == "app_name" and not counts["secret_description"] else ""
            counts.subtract({name: 1, names[index]: -1})
    return names


def unknown_columns(header: Sequence[str], columns: Sequence[str]) -> str:
    """The names of the columns that are left out, as they may be shown; empty if there are none."""
    unknown = [
        shown_name(spelled, number)
        for number, (spelled, name) in enumerate(zip(header, columns, strict=True), 1)
        if spelled and not name and spelled != REASON
    ]
    return ", ".join(islice(unknown, MAX_LISTED)) + (", …" if len(unknown) > MAX_LISTED else "")


def shown_name(name: str, number: int) -> str:
    """A column's name, unless it may be the cell of a file without a header."""
    shown = name.lower()
    if column_of(name):
        return name
    return shown if _NAME_LIKE.fullmatch(shown) else _("the one at position %d") % number


def check_columns(table: RawTable, columns: Sequence[str], given: Iterable[str] = ()) -> None:
    """Raises NotImported for repeated columns and for those that are missing and not `given` otherwise."""
    known = set(filter(None, columns))
    if not known:
        message = _("The first line must name the columns: %s.") % ", ".join(COLUMNS)
        raise NotImported([Remark(table.header_line, "", message)])
    mistakes = [
        _("This column is named twice: %s.") % name for name, count in Counter(columns).items() if count > 1 and name
    ]
    if "directory_id" not in known | set(given):
        mistakes.append(_("The column directory_id is missing."))
        if not mistakes[:-1]:
            mistakes.append(_("If all rows belong to one tenant, name it for the file."))
    if mistakes:
        mistakes.append(_("The columns are: %s.") % ", ".join(COLUMNS))
        raise NotImported([Remark(table.header_line, "", " ".join(mistakes))])
