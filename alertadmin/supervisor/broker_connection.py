"""The worker's connection to its broker, which reconnects any number of times and logs each loss and return once.

Celery ends a worker on any error that is not one of the broker's. A dead broker causes such an error: a task that ends
after the connection was lost acknowledges its message on a closed channel, whose transport has no client any more
(`'NoneType' object has no attribute 'hostname'`, celery/kombu#582). Here every error of the consumer, except the loss
of the process pool, counts as a lost connection.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import Any

from billiard.exceptions import WorkerLostError
from celery.exceptions import CPendingDeprecationWarning
from kombu import Connection

from alertadmin.adapters.celery import Consumer, ConsumerBlueprint, maybe_shutdown
from alertadmin.outbox.queue.broker_outage import BrokerOutage

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 5.0
"""Seconds between two attempts to connect; `FIRST_WAIT` is added after each."""


class BrokerSteps(ConsumerBlueprint):  # type: ignore[misc]  # a class of Celery, untyped
    """The steps of a consumer, started in order and stopped in reverse order."""

    def restart(self, parent: Any, *_args: Any, **_options: Any) -> None:
        """Stop each step. A step fails to stop if the broker is gone; that is expected and logged at DEBUG."""
        for step in reversed(parent.steps):
            if stop := getattr(step, "stop", None):
                try:
                    stop(parent)
                except Exception:
                    log.debug("a part of the consumer was not stopped", exc_info=True)


class PersistentConsumer(Consumer):
    """Receive tasks from the broker until the worker stops. Raises WorkerLostError if the pool cannot start."""

    Blueprint = BrokerSteps

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Do not ignore errors of an acknowledgement: an unacknowledged message counts against the prefetch limit, so
        # the worker would soon receive no more. Every error ends the connection (CELERY_BROKER_CHANNEL_ERROR_RETRY).
        self.connection_errors = ()
        self.channel_errors = (Exception,)
        self._outage = BrokerOutage()

    def ensure_connected(self, conn: Any) -> Connection:
        """Retry until the connection is open or the worker is stopped."""
        found: Connection = conn.ensure_connection(
            lambda error, _interval: self._outage.failed(error),
            max_retries=None,
            interval_start=FIRST_WAIT,
            interval_step=FIRST_WAIT,
            interval_max=LONGEST_WAIT,
            callback=maybe_shutdown,
        )
        self.first_connection_attempt = False
        return found

    def on_ready(self) -> None:
        self._outage.connected()
        super().on_ready()

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Handle, for example, a broker that accepts the connection and answers with an invalid reply."""
        self._outage.failed(exc)
        time.sleep(FIRST_WAIT)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        if isinstance(exc, WorkerLostError):
            raise exc
        self._outage.failed(exc)
        with warnings.catch_warnings():
            # Celery warns of a new default in version 6. A delivery in progress is meant to continue.
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)
        time.sleep(FIRST_WAIT)
