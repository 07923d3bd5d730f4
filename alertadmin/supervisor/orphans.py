"""Processes of a start that was killed, found again by a mark in their environment (Linux).

Each process is tied to its parent and ends with it (parent_death_signal.py). One that was just being born when the
parent died may take a moment until it notices; the next start does not wait for that, nor refuse because of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
MARK = "ALERTADMIN_STARTED_BY"
"""`PID START LOCK`: the process that started all of them, its time of birth, the lock file that it holds."""


def marked_environ(lock: Path) -> dict[str, str]:
    """The environment for what this process starts."""
    return {**os.environ, MARK: f"{os.getpid()} {_born(os.getpid())} {lock}"}


def find(lock: Path) -> list[int]:
    """The ids of living processes whose start held this lock file and has ended."""
    return [pid for pid, starter, born in _marked(lock) if not born or _born(starter) != born]


def end(lock: Path) -> int:
    """SIGKILL to all of them; their number. They may take a moment to be gone."""
    found = find(lock)
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _marked(lock: Path) -> Iterator[tuple[int, int, str]]:
    for pid in processes():
        with contextlib.suppress(OSError):
            # Of a process that has ended and was not collected yet it is empty.
            for entry in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                name, _, value = os.fsdecode(entry).partition("=")
                starter, _, rest = value.partition(" ")
                born, _, path = rest.partition(" ")
                if name == MARK and path == str(lock) and starter.isdigit():
                    yield pid, int(starter), born


def processes() -> list[int]:
    """The ids of all processes; none where there is no /proc."""
    try:
        return [int(name) for name in os.listdir(PROC) if name.isdigit()]
    except OSError:
        return []


def _born(pid: int) -> str:
    """In clock ticks since the machine's start: with the id it names a process, ids alone are used again. Empty if it
    has ended, though nobody collected it yet."""
    try:
        # The second field is the command's name in parentheses, which may hold anything.
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
