"""Best-effort file lock: one dispatcher per host sends reminders, so that a second one stays free for tests, which
users wait for. (Each mailbox takes only a few messages at once.)

Correctness does not depend on it: claims alone keep a delivery from being sent twice.
"""

from __future__ import annotations

import fcntl
import os
import time
from types import TracebackType

from django.conf import settings


class DispatchLock:
    """An flock on a file of the data folder, held for the block. The kernel releases it when the process dies; if the
    process is suspended it no longer calls `renew`, and the lock counts as free after the time of a lease."""

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
