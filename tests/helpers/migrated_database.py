"""A migrated SQLite database that is kept for later test runs, as long as no migration changes.

Migrating takes two seconds of CPU in each worker; a copy takes none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import django

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = (
    "alertadmin/*/migrations/*.py",
    "alertadmin/**/models.py",
    "alertadmin/**/models/*.py",
    "alertadmin/audit/triggers.py",
    "requirements-test.lock",
)
"""Files that decide what a migrated database is like; the lock stands for the migrations of the libraries."""


def fingerprint() -> str:
    """The SHA-256 of SOURCES and of the versions of Django and SQLite."""
    found = hashlib.sha256(f"{django.VERSION} {sqlite3.sqlite_version}".encode())
    for file in sorted(file for pattern in SOURCES for file in PROJECT.glob(pattern)):
        found.update(f"{file.relative_to(PROJECT)}\0".encode() + file.read_bytes())
    return found.hexdigest()


def restore(folder: Path, database: Path) -> bool:
    """Copy the kept database of these migrations to `database`. False if there is none."""
    try:
        shutil.copyfile(folder / fingerprint(), database)
    except FileNotFoundError:
        return False
    return True


def keep(folder: Path, database: Path) -> None:
    """Keep a copy of `database`, which was just migrated, in place of those of other migrations."""
    kept = folder / fingerprint()
    fresh = folder / f"{os.getpid()}.new"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(fresh)) as copy:
        source.backup(copy)
        # One file, without a journal beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
    for other in folder.iterdir():
        if other not in (kept, fresh) and other.suffix != ".new":
            other.unlink(missing_ok=True)
    fresh.replace(kept)
