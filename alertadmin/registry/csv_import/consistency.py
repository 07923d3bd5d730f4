"""Finds rows of one file that repeat or contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from alertadmin.registry.csv_import.row_parser import ParsedRow
from alertadmin.registry.csv_import.table import Remark
from alertadmin.registry.models import CredentialKind
from mailer.email_address import canonical


def mark_several(rows: Sequence[ParsedRow]) -> list[ParsedRow]:
    """Mark credentials without name and key ID beside another credential of their app in the file: one with a name or
    an ID, or one that expires at another time."""
    found: dict[tuple[str, ...], set[object]] = defaultdict(set)
    for row in rows:
        if row.secret_expires_at is not None:
            found[_app_and_kind(row)].add((row.key_id, row.secret_description, row.secret_expires_at))
    return [
        replace(row, is_one_of_several=True) if _is_nameless(row) and len(found[_app_and_kind(row)]) > 1 else row
        for row in rows
    ]


def _is_nameless(row: ParsedRow) -> bool:
    return not row.key_id and not row.secret_description and row.secret_expires_at is not None


def _app_and_kind(row: ParsedRow) -> tuple[str, ...]:
    return row.directory_id, row.client_id or row.app_name, row.kind or CredentialKind.SECRET


def conflicts(rows: Iterable[ParsedRow]) -> Iterator[Remark]:
    """Repeated and contradictory rows. Contacts cannot contradict each other: those of all rows are merged."""
    seen: dict[ParsedRow, int] = {}
    stated: dict[tuple[object, ...], tuple[object, int]] = {}
    for row in rows:
        first = seen.setdefault(replace(row, line=0), row.line)
        if first != row.line:
            yield Remark(row.line, "", _("This line repeats line %d.") % first)
        for subject, column, value in _statements(row):
            first_value, line = stated.setdefault((*subject, column), (value, row.line))
            if first_value != value:
                yield Remark(row.line, column, _("Line %d contradicts this line.") % line)


def _statements(row: ParsedRow) -> Iterator[tuple[tuple[str, ...], str, object]]:
    """The statements of a row: (key of the tenant, app, secret or mailbox; column; value)."""
    tenant = (row.directory_id,)
    app = (*tenant, row.client_id or row.app_name)
    which = str(row.secret_expires_at) if row.is_one_of_several else row.key_id or row.secret_description
    secret = (*app, row.kind, which)
    statements: list[tuple[tuple[str, ...], str, object]] = [
        (tenant, "tenant_name", row.tenant_name),
        (tenant, "cloud", row.cloud),
        (app, "app_name", row.app_name),
        (app, "audience", row.audience),
        (secret, "secret_value", row.secret_value),
        (secret, "secret_expires_on", row.secret_expires_at),
        (tenant, "time_zone", row.time_zone),
        (tenant, "language", row.language),
        (app, "owner", row.owner),
    ]
    if row.mailbox:
        statements.append(((*app, "mailbox", canonical(row.mailbox)), "transport", row.transport))
    return (statement for statement in statements if statement[2])
