"""Named places at which a test kills the process, to prove crash safety. Otherwise they cost one dictionary look-up."""

from __future__ import annotations

import os
import signal

VARIABLE = "ALERTADMIN_CRASH_AT"
"""Name of the failpoint at which to die."""
WITH_GROUP = "ALERTADMIN_CRASH_WITH_GROUP"
"""If set, the whole process group dies: a worker with its pool and beat."""
ONCE = "ALERTADMIN_CRASH_ONCE"
"""Path of a file that the first process creates before it dies; later processes find it and continue."""

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
    """Die by SIGKILL if the environment names this failpoint."""
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
