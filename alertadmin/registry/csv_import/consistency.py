"""Whether the rows of one file agree: none repeats another, and none says otherwise of the same thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from django.utils.translation import gettext as _

from alertadmin.registry.csv_import.csv_reader import Remark
from alertadmin.registry.csv_import.row_parser import ParsedRow
from mailer.email_address import canonical


def conflicts(rows: Iterable[ParsedRow]) -> Iterator[Remark]:
    """Of the contacts each row may name some: they are put together."""
    seen: dict[ParsedRow, int] = {}
    said: dict[tuple[object, ...], tuple[object, int]] = {}
    for row in rows:
        first = seen.setdefault(replace(row, line=0), row.line)
        if first != row.line:
            yield Remark(row.line, "", _("This line repeats line %d.") % first)
        for thing, column, value in _statements(row):
            told, line = said.setdefault((*thing, column), (value, row.line))
            if told != value:
                yield Remark(row.line, column, _("Line %d says otherwise of the same.") % line)


def _statements(row: ParsedRow) -> Iterator[tuple[tuple[str, ...], str, object]]:
    """What a row says: of which thing, in which column, what."""
    tenant = (row.directory_id,)
    app = (*tenant, row.client_id)
    statements: list[tuple[tuple[str, ...], str, object]] = [
        (tenant, "tenant_name", row.tenant_name),
        (tenant, "cloud", row.cloud),
        (app, "app_name", row.app_name),
        (app, "audience", row.audience),
        ((*app, "secret", row.secret_description), "secret_value", row.secret_value),
        ((*app, "secret", row.secret_description), "secret_expires_on", row.secret_expires_at),
    ]
    if row.mailbox:
        statements.append(((*app, "mailbox", canonical(row.mailbox)), "transport", row.transport))
    return (statement for statement in statements if statement[2])
