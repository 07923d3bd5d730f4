"""Rebuild a database from a backup: its rows are read as values and written into tables that the migrations create.

Nothing else of the backup is used. Triggers, views, tables of other programs and commands are neither restored nor run,
even if the seal is not verified (see `sqlite_rows` and `postgresql_rows`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.graph import MigrationGraph, Node
from django.utils.translation import gettext as _

from alertadmin.audit import triggers
from alertadmin.backup import database_copy, postgresql_rows, sqlite_rows
from alertadmin.backup.database_copy import CannotCopy

OWN = "django_migrations"
"""The table that the migrations write themselves."""
Tables = dict[str, list[str]]
"""The names of the columns of each table."""
Fill = Callable[[Tables], list[str]]
"""Writes rows into empty tables; returns what was left out."""


def put_back(file: Path, aside: str, migrations: Collection[str]) -> tuple[str, list[str]]:
    """Replace the database. The previous one is moved to a folder next to it, or on PostgreSQL to a schema, named
    `aside`. `migrations` are those that had been applied to the rows' tables, as "app.name".

    Return where the previous database was moved (empty if there was none), and what was left out as not alertadmin's.
    Raises CannotCopy, OSError; the previous database is then unchanged.
    """
    connection.close()
    if connection.vendor == "sqlite":
        return _put_back_sqlite(file, aside, migrations)
    return _put_back_postgresql(file, aside, migrations)


def _put_back_sqlite(file: Path, aside: str, migrations: Collection[str]) -> tuple[str, list[str]]:
    # Follow a symbolic link: it remains, and its target is replaced.
    path = Path(connection.settings_dict["NAME"]).resolve()
    draft = path.with_name(f".restore-{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with _connected_to(draft):
            left_out = _rebuild(migrations, lambda tables: sqlite_rows.copy(file, tables))
        # The old file's -wal would corrupt the new database, so it is moved first. A crash between steps loses nothing.
        folder = path.with_name(aside)
        for ending in ("-wal", "-shm", ""):
            if (old := path.with_name(path.name + ending)).exists():
                folder.mkdir(mode=0o700, exist_ok=True)
                old.rename(folder / old.name)
        draft.replace(path)
    finally:
        for ending in ("", "-wal", "-shm"):
            draft.with_name(draft.name + ending).unlink(missing_ok=True)
    return str(folder) if folder.exists() else "", left_out


@contextmanager
def _connected_to(file: Path) -> Iterator[None]:
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = str(file)
    try:
        yield
    finally:
        # Closing the connection writes its -wal into the file.
        connection.close()
        connection.settings_dict["NAME"] = before


def _put_back_postgresql(file: Path, aside: str, migrations: Collection[str]) -> tuple[str, list[str]]:
    schema = database_copy.schema()
    database_copy.refuse_company()
    with connection.cursor() as cursor:
        ours, theirs = connection.ops.quote_name(schema), connection.ops.quote_name(aside)
        cursor.execute(f"ALTER SCHEMA {ours} RENAME TO {theirs}")
        cursor.execute(f"CREATE SCHEMA {ours}")
        try:
            left_out = _rebuild(migrations, lambda tables: postgresql_rows.copy(file, tables))
        except BaseException:
            cursor.execute(f"DROP SCHEMA {ours} CASCADE")
            cursor.execute(f"ALTER SCHEMA {theirs} RENAME TO {ours}")
            raise
    connection.close()
    return _("the schema %(name)s") % {"name": aside}, left_out


def _rebuild(migrations: Collection[str], fill: Fill) -> list[str]:
    """Raises CannotCopy."""
    driver: Any = connection.Database  # type: ignore[attr-defined]
    try:
        _make_tables(migrations)
        tables = {table: _columns(table) for table in connection.introspection.table_names() if table != OWN}
        with transaction.atomic():
            for table in tables:
                with connection.cursor() as cursor:
                    # Delete the rows that data migrations inserted.
                    cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  # nosec B608 (ours)
            left_out = fill(tables)
        triggers.install(connection)
    except (DatabaseError, driver.Error) as error:
        # Only the first line: the next ones may quote a row.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CannotCopy(_("The database in the backup is damaged: %(why)s") % {"why": reason}) from None
    return left_out


def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} LIMIT 0")  # noqa: S608  # nosec B608 (ours)
        return [str(column[0]) for column in cursor.description]


def _make_tables(migrations: Collection[str]) -> None:
    """Create the tables as of these migrations in an empty database. Raises CannotCopy."""
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    wanted = {(app, name) for app, _dot, name in (one.partition(".") for one in migrations)}.intersection(graph.nodes)
    last = [key for key in sorted(wanted) if not any(one.key in wanted for one in _next(graph, key))]
    if not any(app == "accounts" for app, _name in last):
        raise CannotCopy(_("The backup does not say which version of alertadmin its tables are of."))
    executor.migrate(last)


def _next(graph: MigrationGraph, key: tuple[str, str]) -> list[Node]:
    """Return the migrations of the same app that directly follow it."""
    return [node for node in graph.node_map[key].children if node.key[0] == key[0]]
