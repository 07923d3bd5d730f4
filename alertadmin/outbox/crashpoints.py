"""Named places where a test kills the process, to prove what survives. Without the variable: one dictionary look-up."""

from __future__ import annotations

import os
import signal

VARIABLE = "ALERTADMIN_CRASH_AT"

POINTS = (
    "before-claim",
    "after-claim",
    "after-attempt-opened",
    "between-ways",
    "after-acceptance",
    "before-settle",
    "after-settle",
    "scan-written",
    "scan-committed",
)


def crashpoint(name: str) -> None:
    """Dies here by SIGKILL if the environment asks for it."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
