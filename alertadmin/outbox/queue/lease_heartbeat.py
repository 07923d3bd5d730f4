"""Renew the leases of a run's claimed deliveries while the process lives and no delivery takes too long."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from time import monotonic
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, connection

from alertadmin.outbox.models import Delivery
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import Clock
from alertadmin.outbox.queue.dispatch_lock import DispatchLock

log = logging.getLogger(__name__)

MAX_SENDING_TIME = timedelta(minutes=3)
"""Longest expected delivery over all routes; beyond it the lease is no longer renewed."""


class LeaseHeartbeat:
    """Renews the leases in a thread with its own database connection, every third of a lease."""

    def __init__(self, clock: Clock, dispatch_lock: DispatchLock | None = None) -> None:
        self._clock = clock
        self._dispatch_lock = dispatch_lock
        self._held: dict[Delivery, float | None] = {}
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
            self._held[delivery] = None

    def begin(self, delivery: Delivery) -> None:
        with self._lock:
            self._held[delivery] = monotonic()

    def remove(self, delivery: Delivery) -> None:
        with self._lock:
            self._held.pop(delivery, None)

    def is_stuck(self, delivery: Delivery) -> bool:
        begun = self._held.get(delivery)
        return begun is not None and monotonic() - begun > MAX_SENDING_TIME.total_seconds()

    def _run(self) -> None:
        try:
            while not self._stop.wait(settings.OUTBOX_LEASE.total_seconds() / 3):
                if self._dispatch_lock:
                    self._dispatch_lock.renew()
                with self._lock:
                    kept = {delivery.pk: delivery.owner for delivery in self._held if not self.is_stuck(delivery)}
                try:
                    claims.renew(kept, self._clock())
                except DatabaseError as error:
                    log.warning("leases could not be renewed: %s", type(error).__name__)
                    connection.close()
        finally:
            connection.close()
