"""Create a database for each installation under test: SQLite in its folder, or one on the test run's PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

SERVER = os.environ.get("ALERTADMIN_DATABASE_URL", "")


@contextmanager
def database(template: str = "") -> Iterator[dict[str, str]]:
    """Return the environment that names it. `template` is the URL of a database without connections to copy."""
    if not SERVER:
        yield {}
        return
    name = f"commands_{uuid.uuid4().hex}"
    copied = f" TEMPLATE {_name(template)}" if template else ""
    _do(f"CREATE DATABASE {name}{copied}")
    try:
        yield {"ALERTADMIN_DATABASE_URL": urlsplit(SERVER)._replace(path=f"/{name}").geturl()}
    finally:
        _do(f"DROP DATABASE {name} WITH (FORCE)")


def _name(address: str) -> str:
    return urlsplit(address).path.lstrip("/")


def _do(statement: str) -> None:
    import psycopg

    with closing(psycopg.connect(SERVER, autocommit=True)) as server:
        server.execute(statement)
