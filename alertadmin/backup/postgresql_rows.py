"""Copy the rows of a PostgreSQL dump, which may come from an attacker, into tables that the migrations created.

A dump contains commands, which pg_restore would send to the server unchanged, including the COPY of each table. So
pg_restore only converts the dump to text, without a server. The rows are read from that text and written by COPY
statements of this module; commands in it are not run.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from django.db import connection
from django.utils.translation import gettext as _

from alertadmin.backup import database_copy
from alertadmin.backup.database_copy import CannotCopy
from alertadmin.backup.sqlite_rows import LARGEST_VALUE, left_out

IDENTIFIER = r'(?:[a-z_][a-z0-9_$]*|"(?:[^"\n]|"")+")'
BEGINS = re.compile(rf"COPY (?:{IDENTIFIER}\.)?({IDENTIFIER}) \(({IDENTIFIER}(?:, {IDENTIFIER})*)\) FROM stdin;")
END = b"\\.\n"
MOST_UNPACKED = 300
"""Largest ratio of the text's length to the dump's; dumps of alertadmin stay below it."""
SMALL = 64 << 20
"""Bytes of text that are allowed for a dump of any size."""


def copy(file: Path, tables: dict[str, list[str]]) -> list[str]:
    """Copy all rows of `tables` (names with their columns), which are empty, in the current transaction. Return the
    names of what was left out. Raises CannotCopy, OSError, psycopg.Error."""
    wanted, others = dict(tables), set()
    with _text(file) as text:
        lines = _lines(text, max(SMALL, MOST_UNPACKED * file.stat().st_size))
        for line in lines:
            if not line.startswith(b"COPY "):
                continue
            table, columns = _table(line)
            if table not in tables:
                others.add(f"table {table}")
                _skip(lines)
                continue
            if set(wanted.pop(table, ())) != set(columns):
                raise CannotCopy(
                    _("In the backup the table %(table)s has other columns than it should.") % {"table": table}
                )
            _copy_table(table, columns, lines)
    # A dump of alertadmin has no rows of the session tables.
    if missing := set(wanted) - set(database_copy.SESSIONS):
        raise CannotCopy(_("The backup lacks the table %(table)s.") % {"table": min(missing)})
    _set_sequences(tables)
    return left_out(iter(others - {"table django_migrations"}))


@contextmanager
def _text(file: Path) -> Iterator[IO[bytes]]:
    program, environ = database_copy.program_of("pg_restore")
    command = [program, "--data-only", "--no-owner", "--no-privileges", "--file=-", str(file)]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=said) as process:
            try:
                yield cast("IO[bytes]", process.stdout)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            said.seek(0)
            raise CannotCopy(f"pg_restore: {database_copy.first_error(said.read(10_000).decode('utf-8', 'replace'))}")


def _lines(text: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield the lines. Raises CannotCopy if a line or all together are longer than those of alertadmin."""
    while line := text.readline(LARGEST_VALUE):
        most -= len(line)
        if most < 0 or not line.endswith(b"\n"):
            raise CannotCopy(_("The backup contains more than it should."))
        yield line


def _table(line: bytes) -> tuple[str, list[str]]:
    """Return the table whose rows follow, and its columns. Raises CannotCopy."""
    match = BEGINS.fullmatch(line.decode("utf-8", "replace").rstrip("\n"))
    if match is None:
        raise CannotCopy(_("The backup contains a command where rows are expected."))
    return _plain(match[1]), [_plain(name) for name in re.findall(IDENTIFIER, match[2])]


def _plain(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def _copy_table(table: str, columns: list[str], lines: Iterator[bytes]) -> None:
    quoted = connection.ops.quote_name
    statement = f"COPY {quoted(table)} ({', '.join(map(quoted, columns))}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as target:
        for line in lines:
            if line == END:
                return
            target.write(line)
        raise CannotCopy(_("The backup ends in the middle of the table %(table)s.") % {"table": table})


def _skip(lines: Iterator[bytes]) -> None:
    for line in lines:
        if line == END:
            return


def _set_sequences(tables: dict[str, list[str]]) -> None:
    """Set each sequence to continue after the copied rows' ids."""
    with connection.cursor() as cursor:
        for table in tables:
            for sequence in connection.introspection.get_sequences(cursor, table):
                column, name = connection.ops.quote_name(sequence["column"]), connection.ops.quote_name(table)
                last = f"coalesce(max({column}), 1), max({column}) IS NOT NULL FROM {name}"
                cursor.execute(f"SELECT pg_get_serial_sequence(%s, %s), {last}", [name, sequence["column"]])  # nosec B608
                cursor.execute("SELECT setval(%s, %s, %s)", cursor.fetchone())
