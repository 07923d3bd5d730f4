"""Of several runs on one machine, one at a time sends reminders: each mailbox takes few messages at once, and whoever
comes second stays free for the tests that people wait for.

A courtesy, no promise: claims alone keep a delivery from being sent twice.
"""

from __future__ import annotations

import fcntl
import os
import time
from types import TracebackType

from django.conf import settings


class DispatchLock:
    """A file in the data folder that is held for as long as the block lasts. The kernel takes it back from a process
    that dies; for one that was suspended nobody waits longer than a lease, because it does not `renew`."""

    def __init__(self) -> None:
        self.is_ours = False
        self._descriptor = -1

    def __enter__(self) -> DispatchLock:
        self._descriptor = os.open(settings.DATA_DIR / "deliver.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            renewed = os.fstat(self._descriptor).st_mtime
            self.is_ours = time.time() - renewed > settings.OUTBOX_LEASE.total_seconds()
        else:
            self.is_ours = True
        self.renew()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def renew(self) -> None:
        if self.is_ours:
            os.utime(self._descriptor)
