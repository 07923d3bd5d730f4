"""Brings a file into the database: one transaction, and few statements whatever the number of rows."""

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
from alertadmin.registry.csv_import.csv_reader import CsvTable, NotImported, Remark, read
from alertadmin.registry.csv_import.import_state import ImportState
from alertadmin.registry.csv_import.row_parser import RowParser

TRIES = 3


@dataclass(frozen=True)
class Imported:
    """How many rows the file had, how many things were added or changed by it, and what is worth a second look."""

    rows: int
    added: int
    changed: int
    remarks: list[Remark]


def import_registrations(file: BinaryIO, *, now: datetime) -> Imported:
    """Reads a CSV file; a row adds or updates. Raises NotImported with every mistake, and then nothing is stored.

    Raises KeyringError if a secret is to be stored and there is no usable key file.
    """
    table = read(file)
    for _try in range(TRIES):
        try:
            return _enter(table, now)
        except IntegrityError:
            # Somebody entered the same things at the same time: they are there now, and are updated.
            continue
    raise NotImported([Remark(0, "", _("Others change the same registrations at the same time. Import it again."))])


@transaction.atomic
def _enter(table: CsvTable, now: datetime) -> Imported:
    book = ImportState({directory_id for row in table.rows if (directory_id := _normal(row["directory_id"]))})
    reader = RowParser(book.zone_of)
    registrations = [reader.read(row) for row in table.rows]
    if mistakes := table.mistakes + reader.mistakes or list(conflicts(registrations)):
        raise NotImported(mistakes)
    book.note_clouds(registrations)
    hindrances = [book.enter(registration, now) for registration in registrations]
    if mistakes := [hindrance for hindrance in hindrances if hindrance] or list(book.unused_rows()):
        raise NotImported(mistakes)
    done = Imported(len(registrations), *book.store(), book.remarks)
    counts = {"rows": done.rows, "added": done.added, "changed": done.changed}
    audit.record(AuditAction.IMPORT_DONE, counts=counts, now=now)
    return done


def _normal(directory_id: str) -> str:
    try:
        return guid.normal(directory_id)
    except ValidationError:
        return ""
