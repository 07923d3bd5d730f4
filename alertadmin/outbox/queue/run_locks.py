"""What a run holds: the host's dispatch lock, and the leases of its claimed deliveries.

The lock is best effort: one dispatcher per host sends reminders, so that a second one stays free for tests, which users
wait for. (Each mailbox takes only a few messages at once.) Correctness does not depend on it: claims alone keep a
delivery from being sent twice. The leases are renewed while the process lives and no delivery takes too long.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from datetime import timedelta
from time import monotonic
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, connection

from alertadmin.outbox.models import Delivery
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import Clock

log = logging.getLogger(__name__)

MAX_SENDING_TIME = timedelta(minutes=3)
"""Longest expected delivery over all routes; beyond it the lease is no longer renewed."""


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


class LeaseHeartbeat:
    """Renews the leases in a thread with its own database connection, every third of a lease."""

    def __init__(self, clock: Clock, dispatch_lock: DispatchLock | None = None) -> None:
        self._clock = clock
        self._dispatch_lock = dispatch_lock
        self._deliveries: dict[Delivery, float | None] = {}
        """Each delivery with the time its sending began (time.monotonic); None while it is queued."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-heartbeat", daemon=True)

    def __enter__(self) -> LeaseHeartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def add(self, delivery: Delivery) -> None:
        with self._lock:
            self._deliveries[delivery] = None

    def begin(self, delivery: Delivery) -> None:
        with self._lock:
            self._deliveries[delivery] = monotonic()

    def remove(self, delivery: Delivery) -> None:
        with self._lock:
            self._deliveries.pop(delivery, None)

    def is_stuck(self, delivery: Delivery) -> bool:
        begun = self._deliveries.get(delivery)
        return begun is not None and monotonic() - begun > MAX_SENDING_TIME.total_seconds()

    def _run(self) -> None:
        try:
            while not self._stop.wait(settings.OUTBOX_LEASE.total_seconds() / 3):
                if self._dispatch_lock:
                    self._dispatch_lock.renew()
                with self._lock:
                    owners = {
                        delivery.pk: delivery.owner for delivery in self._deliveries if not self.is_stuck(delivery)
                    }
                try:
                    claims.renew(owners, self._clock())
                except DatabaseError as error:
                    log.warning("leases could not be renewed: %s", type(error).__name__)
                    connection.close()
        finally:
            connection.close()
