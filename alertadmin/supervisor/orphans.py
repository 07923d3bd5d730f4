"""Find and end the processes of a supervisor that was killed, by a variable in their environment (Linux).

Each process gets a signal when its parent dies (parent_death_signal.py). A process that was being created at that
moment may live a little longer; the next start ends it instead of waiting or refusing to start.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
MARK = "ALERTADMIN_STARTED_BY"
"""`PID START LOCK`: the supervisor's process id, its start time, and the lock file that it owns."""


def marked_environ(lock: Path) -> dict[str, str]:
    """Return the environment for the processes that this one starts."""
    return {**os.environ, MARK: f"{os.getpid()} {_born(os.getpid())} {lock}"}


def find(lock: Path) -> list[int]:
    """Return the ids of running processes whose supervisor owned this lock file and has ended."""
    return [pid for pid, starter, born in _marked(lock) if not born or _born(starter) != born]


def end(lock: Path) -> int:
    """Send SIGKILL to all of them and return their number. They may take a moment to end."""
    found = find(lock)
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _marked(lock: Path) -> Iterator[tuple[int, int, str]]:
    for pid in processes():
        with contextlib.suppress(OSError):
            # The environment of a zombie process is empty.
            for entry in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                name, _, value = os.fsdecode(entry).partition("=")
                starter, _, rest = value.partition(" ")
                born, _, path = rest.partition(" ")
                if name == MARK and path == str(lock) and starter.isdigit():
                    yield pid, int(starter), born


def processes() -> list[int]:
    """Return the ids of all processes; empty without /proc."""
    try:
        return [int(name) for name in os.listdir(PROC) if name.isdigit()]
    except OSError:
        return []


def _born(pid: int) -> str:
    """Return the process's start time in clock ticks since boot, or an empty string if it has ended or is a zombie.

    Id and start time together identify a process; the kernel reuses ids alone."""
    try:
        # The second field is the command's name in parentheses, which may contain spaces and parentheses.
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
