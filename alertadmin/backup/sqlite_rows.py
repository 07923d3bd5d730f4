"""Reads the rows of an SQLite file that may come from anywhere, and writes them into our own tables.

SQLite runs what a file's schema says: triggers, views, generated columns, virtual tables, expressions of indexes. So
only plain tables are read, column by column and by no index, through a connection that refuses all else.

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
"""Bytes of one value."""
MOST_NAMED = 20
"""Of what was left out."""
READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)


def copy(file: Path, tables: dict[str, list[str]]) -> list[str]:
    """All rows of `tables`, which are empty and given with their columns; in one transaction of Django's. Returns what
    was left out, as words. Raises CannotCopy, sqlite3.Error."""
    with closing(_opened(file)) as source:
        schema = _schema(source)
        for table, columns in tables.items():
            kind, statement = schema.pop(table, ("", ""))
            # A virtual table has the kind of a table too.
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
    # `within`: a trigger or a view that asks for it.
    return sqlite3.SQLITE_OK if within is None and (action in READS or is_look) else sqlite3.SQLITE_DENY


def _schema(source: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Kind and statement of all but indexes, by name."""
    rows = source.execute("SELECT name, type, sql FROM sqlite_master").fetchall()
    return {str(name): (str(kind), str(statement)) for name, kind, statement in rows if kind != "index"}


def _is_known(name: str, kind: str) -> bool:
    """SQLite's own tables, and what our migrations make anew."""
    return name.startswith("sqlite_") or name == "django_migrations" or (kind == "trigger" and name in triggers.SQLITE)


def _copy_table(source: sqlite3.Connection, table: str, columns: list[str]) -> None:
    quoted = connection.ops.quote_name
    found = {name for _id, name, *_more, hidden in source.execute(f"PRAGMA table_xinfo({quoted(table)})") if not hidden}
    if found != set(columns):
        raise CannotCopy(_("In the backup the table %(table)s has other columns than it should.") % {"table": table})
    names, marks = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
    # An index could say otherwise than the table.
    rows = source.execute(f"SELECT {names} FROM {quoted(table)} NOT INDEXED")  # noqa: S608  # nosec B608 (our own names)
    insert = f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})"  # noqa: S608  # nosec B608 (our own names)
    connection.ensure_connection()
    connection.connection.executemany(insert, rows)


def left_out(names: Iterator[str]) -> list[str]:
    """Fit to be shown: they come from the backup."""
    clean = sorted({"".join(one if one.isprintable() else "?" for one in name)[:80] for name in names})
    return clean[:MOST_NAMED]
