"""A migrated PostgreSQL database that the workers of one test run copy: migrating takes seconds in each."""

from __future__ import annotations

from types import TracebackType

import psycopg
from django.db import connection


class PostgresqlTemplate:
    """While it is open, other workers that open it wait."""

    NAME = "migrated_for_tests"

    def __init__(self, url: str) -> None:
        """`url` of any other database of the server."""
        self._server = psycopg.connect(url, autocommit=True)
        self._server.execute("SELECT pg_advisory_lock(1)")

    def exists(self) -> bool:
        found = self._server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.NAME])
        return found.fetchone() is not None

    def keep(self) -> None:
        """Copy this worker's test database, unless that is a copy itself. Then let the next worker go on."""
        if not self.exists():
            # A database that is in use cannot be copied.
            connection.close()
            ours = connection.settings_dict["NAME"]
            self._server.execute(f'CREATE DATABASE {self.NAME} TEMPLATE "{ours}"'.encode())
        self.close()

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> PostgresqlTemplate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
