"""A lock file that one process at a time owns. The kernel releases it when the last owner ends, killed or not."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alertadmin.supervisor import orphans


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock and own it inside the block; for work of some seconds."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class LockInUse(Exception):
    """Another process owns the lock; `note` is what that process wrote into the file."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


class FileLock:
    """A lock owned until this process, and each child that got `descriptor`, has ended. Raises LockInUse at once."""

    def __init__(self, path: Path) -> None:
        self.descriptor = _open(path)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note = os.pread(self.descriptor, 4096, 0).decode("utf-8", "replace")
            os.close(self.descriptor)
            raise LockInUse(note) from None

    def write(self, note: str) -> None:
        """Write into the file which process owns it; other processes read that as LockInUse.note."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, note.encode(), 0)

    def release(self) -> None:
        os.close(self.descriptor)


def holders(path: Path) -> list[int]:
    """Return the ids of this user's processes that have the file open, and so may own the lock; empty without /proc.

    /proc/locks is of no use here: it names the process that took the lock, which may have died and left it to a child.
    """
    try:
        wanted = path.stat()
    except OSError:
        return []
    return [pid for pid in orphans.processes() if pid != os.getpid() and _has_open(pid, wanted)]


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    folder = orphans.PROC / str(pid) / "fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        with suppress(OSError):
            if os.path.samestat((folder / name).stat(), wanted):
                return True
    return False


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
