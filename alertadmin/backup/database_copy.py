"""Make a consistent copy of the database while it is in use: SQLite's backup, PostgreSQL's dump.

A copy contains no sessions: with them, its reader could act as their users.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from alertadmin.adapters.django import register_sqlite_functions

SESSIONS = ("django_session", "usersessions_usersession")
TELLING = ("accounts_user", "registry_tenant", "registry_credential", "registry_mailbox")
"""A row in one of these tables shows that the database is in use."""


ADDRESS = {
    "dbname": "PGDATABASE",
    **{name: f"PG{name.upper()}" for name in ("host", "port", "user", "password")},
    **{name: f"PG{name.upper()}" for name in ("sslmode", "sslrootcert", "sslcert", "sslkey")},
}
"""Connection parameters of psycopg, and the environment variables by which PostgreSQL's programs get them."""


class CannotCopy(Exception):
    """The message is a sentence."""


def copy_to(file: Path) -> None:
    """Raises CannotCopy, OSError."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    if connection.vendor == "sqlite":
        _copy_sqlite(file)
    else:
        tables = [word for table in SESSIONS for word in ("--exclude-table-data", table)]
        run_program(
            "pg_dump",
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--schema={schema()}",
            *tables,
            f"--file={file}",
        )


def _copy_sqlite(file: Path) -> None:
    try:
        with closing(_opened(connection.settings_dict["NAME"])) as ours, closing(_opened(file)) as copy:
            ours.backup(copy)
            there = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in there.intersection(SESSIONS):
                copy.execute(f"DELETE FROM {table}")  # noqa: S608  # nosec B608 (of SESSIONS)
            copy.commit()
            # VACUUM removes deleted rows from the file; without WAL the copy is a single file.
            copy.execute("VACUUM")
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise CannotCopy(_("The database cannot be copied: %(why)s") % {"why": error}) from None


def _opened(file: Path | str) -> sqlite3.Connection:
    """Open a connection with the SQL functions of Django that the tables' constraints use."""
    opened = sqlite3.connect(file, timeout=20)
    register_sqlite_functions(opened)
    return opened


def is_in_use() -> bool:
    """Return whether the database has rows of an installation; true for an unreadable file. Raises DatabaseError."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return False
    try:
        there = set(connection.introspection.table_names())
        with connection.cursor() as cursor:
            for table in there.intersection(TELLING):
                cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  # nosec B608 (of TELLING)
                if cursor.fetchone():
                    return True
    except DatabaseError:
        if connection.vendor != "sqlite":
            raise
        return True
    finally:
        connection.close()
    return False


def refuse_company() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        (others,) = cursor.fetchone()
    if others:
        raise CannotCopy(
            _("Other clients are connected to the database (%(count)d connections). Stop all of alertadmin first.")
            % {"count": others}
        )


def schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def run_program(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL for this database, the password in its environment. Raises CannotCopy."""
    path, environ = program_of(program)
    done = subprocess.run([path, *arguments], env=environ, capture_output=True, text=True)
    if done.returncode:
        raise CannotCopy(f"{program}: {first_error(done.stderr)}")


def program_of(name: str) -> tuple[str, dict[str, str]]:
    """Return the path of a program of PostgreSQL, and the environment that names this database. Raises CannotCopy."""
    if not (path := shutil.which(name)):
        raise CannotCopy(
            _("%(program)s is missing on this machine. On Debian: apt-get install postgresql-client")
            % {"program": name}
        )
    address = connection.get_connection_params()
    environ = {variable: str(address[name]) for name, variable in ADDRESS.items() if address.get(name)}
    return path, {**os.environ, **environ}


def first_error(written: str) -> str:
    """Return the first error line of what the program wrote to stderr."""
    lines = written.splitlines()
    said = [line for line in lines if "error" in line.lower()] or lines or ["?"]
    return said[0].partition("error: ")[2] or said[0]
