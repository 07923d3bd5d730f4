"""Copy the rows of an SQLite file, which may come from an attacker, into tables that the migrations created.

SQLite runs what a file's schema contains: triggers, views, generated columns, virtual tables, expressions of indexes.
So only plain tables are read, column by column and without indexes, through a connection that refuses everything else.

Source: SQLite, "Defense Against The Dark Arts".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from django.db import connection
from django.utils.translation import gettext as _

from alertadmin.audit import triggers
from alertadmin.backup.database_copy import CannotCopy

LARGEST_VALUE = 64 << 20
"""Largest value, in bytes."""
MOST_NAMED = 20
"""Names of left-out objects that are listed."""
READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)


def copy(file: Path, tables: dict[str, list[str]]) -> list[str]:
    """Copy all rows of `tables` (names with their columns), which are empty, in the current transaction. Return the
    names of what was left out. Raises CannotCopy, sqlite3.Error."""
    with closing(_opened(file)) as source:
        schema = _schema(source)
        for table, columns in tables.items():
            kind, statement = schema.pop(table, ("", ""))
            # sqlite_master lists a virtual table as a table too.
            if kind != "table" or not statement.upper().startswith("CREATE TABLE"):
                raise CannotCopy(_("The backup lacks the table %(table)s.") % {"table": table})
            _copy_table(source, table, columns)
    return left_out(f"{kind} {name}" for name, (kind, _statement) in schema.items() if not _is_known(name, kind))


def _opened(file: Path) -> sqlite3.Connection:
    source = sqlite3.connect(f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True)
    source.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
        source.execute(f"PRAGMA {pragma}")
    source.set_authorizer(_may)
    return source


def _may(action: int, first: str | None, second: str | None, database: str | None, within: str | None) -> int:
    is_look = action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo"
    # `within` is the trigger or view that causes the access.
    return sqlite3.SQLITE_OK if within is None and (action in READS or is_look) else sqlite3.SQLITE_DENY


def _schema(source: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Return kind and statement of each object but indexes, by name."""
    rows = source.execute("SELECT name, type, sql FROM sqlite_master").fetchall()
    return {str(name): (str(kind), str(statement)) for name, kind, statement in rows if kind != "index"}


def _is_known(name: str, kind: str) -> bool:
    """Return whether it is one of SQLite's own tables, or created by the migrations."""
    return name.startswith("sqlite_") or name == "django_migrations" or (kind == "trigger" and name in triggers.SQLITE)


def _copy_table(source: sqlite3.Connection, table: str, columns: list[str]) -> None:
    quoted = connection.ops.quote_name
    found = {name for _id, name, *_more, hidden in source.execute(f"PRAGMA table_xinfo({quoted(table)})") if not hidden}
    if found != set(columns):
        raise CannotCopy(_("In the backup the table %(table)s has other columns than it should.") % {"table": table})
    names, marks = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
    # An index in the file could return other values than the table.
    rows = source.execute(f"SELECT {names} FROM {quoted(table)} NOT INDEXED")  # noqa: S608  # nosec B608 (our own names)
    insert = f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})"  # noqa: S608  # nosec B608 (our own names)
    connection.ensure_connection()
    connection.connection.executemany(insert, rows)


def left_out(names: Iterator[str]) -> list[str]:
    """Return the names escaped and shortened for display: they come from the backup."""
    clean = sorted({"".join(one if one.isprintable() else "?" for one in name)[:80] for name in names})
    return clean[:MOST_NAMED]
