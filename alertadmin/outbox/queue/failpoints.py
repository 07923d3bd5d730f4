"""Named places where a test kills the process, to prove what survives. Without the variable: one dictionary look-up."""

from __future__ import annotations

import os
import signal

VARIABLE = "ALERTADMIN_CRASH_AT"
"""The name of the point."""
WITH_GROUP = "ALERTADMIN_CRASH_WITH_GROUP"
"""Set: all processes of the group die, a worker with its pool and its clock."""
ONCE = "ALERTADMIN_CRASH_ONCE"
"""A file that the first to die makes; whoever comes later finds it and lives."""

POINTS = (
    "before-claim",
    "after-claim",
    "after-attempt-opened",
    "draft-begun",
    "draft-made",
    "draft-kept",
    "draft-looked-up",
    "between-ways",
    "after-acceptance",
    "before-settle",
    "after-settle",
    "scan-part-committed",
    "scan-written",
    "scan-committed",
)


def failpoint(name: str) -> None:
    """Dies here by SIGKILL if the environment asks for it."""
    if os.environ.get(VARIABLE) == name and _is_first():
        _die()


def _die() -> None:
    if WITH_GROUP in os.environ:
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _is_first() -> bool:
    if once := os.environ.get(ONCE):
        try:
            os.close(os.open(once, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
    return True
