"""The rows of a file that were refused, as a table to correct and to import again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from alertadmin.registry.csv_import.header import REASON
from alertadmin.registry.csv_import.table import Remark
from alertadmin.registry.csv_import.table_reader import MappedTable

NEEDED = ("directory_id", "client_id")
"""Columns to fill in, where the file has none."""
SECRET = re.compile(r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{20,}")
"""A client secret as Entra makes them since 2021: it may stand in the column of another cell."""


def refused_rows(table: MappedTable, refused: Iterable[Remark]) -> Iterator[list[str]]:
    """The header and the rows with the reasons. Secret values are left out, with a text that no import takes for one:
    a value is not shown again, not to the user who uploaded it either."""
    reasons: dict[int, list[str]] = {}
    for remark in refused:
        reason = f"{remark.column}: {remark.message}" if remark.column else remark.message
        reasons.setdefault(remark.line, []).append(reason)
    columns = [name for name in table.columns if name]
    columns += [name for name in (*table.defaults, *NEEDED) if name not in columns]
    yield [*columns, REASON]
    for row in table.rows:
        if row.line in reasons:
            cells = [_shown(column, row[column], row.line) for column in columns]
            yield [*cells, " ".join(reasons[row.line])]


def _shown(column: str, text: str, line: int) -> str:
    if text and (column == "secret_value" or SECRET.search(text)):
        return _("left out; it is in line %d of your file") % line
    return text
