"""Brings a file into the database: one transaction, and few statements whatever the number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from alertadmin.accounts import audit
from alertadmin.accounts.audit import Act
from alertadmin.registry import guid
from alertadmin.registry.importing.agreeing import disagreements
from alertadmin.registry.importing.book import Book
from alertadmin.registry.importing.cells import Reader
from alertadmin.registry.importing.table import NotImported, Remark, Table, read

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

    Raises KeyRingError if a secret is to be stored and there is no usable key file.
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
def _enter(table: Table, now: datetime) -> Imported:
    book = Book({directory_id for row in table.rows if (directory_id := _normal(row["directory_id"]))})
    reader = Reader(book.zone_of)
    registrations = [reader.read(row) for row in table.rows]
    if mistakes := table.mistakes + reader.mistakes or list(disagreements(registrations)):
        raise NotImported(mistakes)
    book.note_clouds(registrations)
    hindrances = [book.enter(registration, now) for registration in registrations]
    if mistakes := [hindrance for hindrance in hindrances if hindrance] or list(book.left_behind()):
        raise NotImported(mistakes)
    done = Imported(len(registrations), *book.store(), book.remarks)
    counts = {"rows": done.rows, "added": done.added, "changed": done.changed}
    audit.record(Act.IMPORT_DONE, counts=counts, now=now)
    return done


def _normal(directory_id: str) -> str:
    try:
        return guid.normal(directory_id)
    except ValidationError:
        return ""
