"""Imports a file into the database: one transaction, and few statements for any number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.registry import guid
from alertadmin.registry.csv_import.consistency import conflicts
from alertadmin.registry.csv_import.import_state import ImportState
from alertadmin.registry.csv_import.row_parser import RowParser
from alertadmin.registry.csv_import.table import NotImported, Remark
from alertadmin.registry.csv_import.table_reader import Table, read
from alertadmin.registry.date_parser import DayOrder, settled_order

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class ImportResult:
    """The number of rows in the file, of objects added and changed, and remarks that the user should read."""

    rows: int
    added: int
    changed: int
    remarks: list[Remark]


def import_registrations(file: BinaryIO, *, now: datetime, day_order: DayOrder | None = None) -> ImportResult:
    """Import a CSV file; each row adds or updates. Raises NotImported with every mistake; then nothing is stored.

    `day_order` reads dates such as 03/04/2027; without it, the dates of the file that have one reading settle it.

    Raises KeyringError if the file has a secret and there is no usable key file.
    """
    table = read(file)
    for _try in range(MAX_ATTEMPTS):
        try:
            return _apply(table, now, day_order)
        except IntegrityError:
            # Another transaction added the same rows meanwhile; the next attempt updates them.
            continue
    raise NotImported(
        [Remark(0, "", _("Other users are changing the same registrations at the same time. Import the file again."))]
    )


@transaction.atomic
def _apply(table: Table, now: datetime, day_order: DayOrder | None) -> ImportResult:
    state = ImportState({directory_id for row in table.rows if (directory_id := _normalized(row["directory_id"]))})
    parser = RowParser(state.zone_of, day_order or settled_order(table.column("secret_expires_on")))
    rows = [parser.read(row) for row in table.rows]
    if mistakes := table.mistakes + parser.all_mistakes() or list(conflicts(rows)):
        raise NotImported(mistakes)
    state.collect_clouds(rows)
    remarks = [state.apply_row(row, now) for row in rows]
    if mistakes := [remark for remark in remarks if remark] or list(state.cloud_conflicts()):
        raise NotImported(mistakes)
    result = ImportResult(len(rows), *state.store(), table.remarks + state.remarks)
    counts = {"rows": result.rows, "added": result.added, "changed": result.changed}
    audit.record(AuditAction.IMPORT_DONE, counts=counts, now=now)
    return result


def _normalized(directory_id: str) -> str:
    try:
        return guid.normalize(directory_id)
    except ValidationError:
        return ""
