"""Imports a file into the database, in batches of whole tenants, with few statements for any number of rows.

All rows are stored in one transaction or none is; or, by choice, each batch in its own, without the rows that have a
mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.registry import guid
from alertadmin.registry.csv_import.batch import Batch
from alertadmin.registry.csv_import.options import ImportOptions
from alertadmin.registry.csv_import.outcome import ImportOutcome
from alertadmin.registry.csv_import.row_parser import RowParser
from alertadmin.registry.csv_import.table import NotImported, Remark, refuse_file
from alertadmin.registry.csv_import.table_reader import MappedTable, read_raw, table_of
from alertadmin.registry.date_parser import settled_order

MAX_ATTEMPTS = 3
BATCH_ROWS = 1_000
"""Rows of a batch, and those of its last tenant beyond: the stored objects of so many are held in memory."""
NO_OPTIONS = ImportOptions()
Progress = Callable[[int], None]
"""Called with the number of rows that are done. May raise an exception, which ends the import."""
Confirm = Callable[[int], bool]
"""Called before anything is stored with the number of rows whose new expiry date has passed or is improbable; returns
whether they are right."""


@dataclass(frozen=True)
class ImportResult:
    """The number of rows in the file, of objects added and changed, remarks that the user should read, and the reasons
    of rows that were not imported."""

    rows: int
    added: int
    changed: int
    remarks: list[Remark]
    refused: list[Remark]


def import_registrations(
    file: BinaryIO,
    *,
    now: datetime,
    options: ImportOptions = NO_OPTIONS,
    progress: Progress | None = None,
    confirm: Confirm | None = None,
) -> ImportResult:
    """Import a CSV file, an Excel workbook or JSON; each row adds or updates.

    Raises NotImported with every mistake, or if `confirm` does not agree; then nothing is stored. With
    `options.is_partial`, rows with mistakes are left out and reported; it is raised for mistakes of the whole file
    alone.
    Raises KeyringError if the file has a secret and there is no usable key file.
    """
    table = table_of(read_raw(file), options.columns, options.defaults)
    if confirm:
        preview = preview_import(table, now=now, options=options)
        if preview.questioned and (options.is_partial or not preview.refused) and not confirm(preview.questioned):
            raise refuse_file(_("The expiry dates were not confirmed."))
    outcome = run_import(table, now=now, options=options, progress=progress)
    return ImportResult(outcome.rows, outcome.added, outcome.changed, outcome.remarks, outcome.refused)


def run_import(
    table: MappedTable, *, now: datetime, options: ImportOptions, progress: Progress | None = None
) -> ImportOutcome:
    """Import a table. Raises NotImported, KeyringError as `import_registrations`."""
    for _try in range(MAX_ATTEMPTS):
        try:
            with nullcontext() if options.is_partial else transaction.atomic():
                outcome = _run(table, now, options, progress, is_stored=True)
                if outcome.refused and not options.is_partial:
                    raise NotImported(outcome.refused)
                if not options.is_partial:
                    _record(outcome, now)
                return outcome
        except IntegrityError:
            # Another transaction added the same rows meanwhile; the next attempt updates them.
            continue
    raise NotImported(
        [Remark(0, "", _("Other users are changing the same registrations at the same time. Import the file again."))]
    )


def preview_import(
    table: MappedTable, *, now: datetime, options: ImportOptions, progress: Progress | None = None
) -> ImportOutcome:
    """What `run_import` would do, without storing anything."""
    return _run(table, now, options, progress, is_stored=False)


def _run(
    table: MappedTable, now: datetime, options: ImportOptions, progress: Progress | None, *, is_stored: bool
) -> ImportOutcome:
    outcome = ImportOutcome(rows=len(table), refused=list(table.mistakes))
    outcome.add_remarks(table.remarks)
    order = options.day_order or settled_order(table.column("secret_expires_on"))
    parser = RowParser(order, default_zone=options.time_zone, asks_once=not options.is_partial)
    unusable = {mistake.line for mistake in table.mistakes}
    done = 0
    for indexes in _batches(table):
        batch = Batch([table.row(index) for index in indexes], parser, outcome, options, now, unusable)
        if is_stored and options.is_partial:
            with transaction.atomic():
                before = outcome.added, outcome.changed
                batch.apply()
                batch.store()
                _record(outcome, now, *before, rows=len(indexes))
        else:
            batch.apply()
            if is_stored and not outcome.refused:
                batch.store()
        done += len(indexes)
        if progress:
            progress(done)
    outcome.refused += parser.question()
    outcome.refused.sort(key=lambda remark: remark.line)
    return outcome


def _record(outcome: ImportOutcome, now: datetime, added: int = 0, changed: int = 0, *, rows: int = -1) -> None:
    """Record the import, or the batch that began at these counts."""
    counts = {
        "rows": outcome.rows if rows < 0 else rows,
        "added": outcome.added - added,
        "changed": outcome.changed - changed,
    }
    audit.record(AuditAction.IMPORT_DONE, counts=counts, now=now)


def _batches(table: MappedTable) -> Iterator[list[int]]:
    """The rows' indexes in batches, the rows of one tenant together: they are checked against each other."""
    tenants = [_directory(cells) for cells in _directories(table)]
    batch: list[int] = []
    previous = ""
    for index in sorted(range(len(table)), key=tenants.__getitem__):
        if len(batch) >= BATCH_ROWS and tenants[index] != previous:
            yield batch
            batch = []
        previous = tenants[index]
        batch.append(index)
    if batch:
        yield batch


def _directories(table: MappedTable) -> Iterable[str]:
    if "directory_id" in table.defaults:
        return [table.defaults["directory_id"]] * len(table)
    index = table.columns.index("directory_id")
    return (cells[index] if index < len(cells) else "" for _line, cells in table.raw.records)


def _directory(text: str) -> str:
    try:
        return guid.normalize(text)
    except ValidationError:
        return ""
