"""The worker's connection to its broker: it is lost and found again any number of times, with one log line for each.

Celery ends a worker on any error that is not the broker's own. One of them follows from the broker's death: a task that
ends after the connection was lost acknowledges its message on a closed channel, whose transport has no client any more
(`'NoneType' object has no attribute 'hostname'`, celery/kombu#582). Here every error of the consumer but the loss of
the pool counts as a lost connection.
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
"""Seconds between two attempts to connect; longer by `FIRST_WAIT` each time."""


class BrokerSteps(ConsumerBlueprint):  # type: ignore[misc]  # a class of Celery, untyped
    """The parts of a consumer, started in order and stopped in the opposite one."""

    def restart(self, parent: Any, *_args: Any, **_options: Any) -> None:
        """Stops each part. What one cannot take back from a broker that is gone is no news."""
        for step in reversed(parent.steps):
            if stop := getattr(step, "stop", None):
                try:
                    stop(parent)
                except Exception:
                    log.debug("a part of the consumer was not stopped", exc_info=True)


class PersistentConsumer(Consumer):
    """Takes tasks from the broker until the worker is told to stop. Raises WorkerLostError if the pool cannot start."""

    Blueprint = BrokerSteps

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # No error is swallowed where a message is acknowledged: what could not be acknowledged counts as taken, so that
        # soon no more is taken. Every error ends the connection instead (CELERY_BROKER_CHANNEL_ERROR_RETRY).
        self.connection_errors = ()
        self.channel_errors = (Exception,)
        self._outage = BrokerOutage()

    def ensure_connected(self, conn: Any) -> Connection:
        """Tries for ever; a worker that is told to stop meanwhile stops."""
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
        """A broker that takes the connection and answers with garbage, say."""
        self._outage.failed(exc)
        time.sleep(FIRST_WAIT)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        if isinstance(exc, WorkerLostError):
            raise exc
        self._outage.failed(exc)
        with warnings.catch_warnings():
            # Of Celery 6's default. That a delivery that is under way goes on is meant.
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)
        time.sleep(FIRST_WAIT)
