"""The Celery worker with an embedded scheduler (beat): `python -m alertadmin.supervisor.celery_worker`.

The scheduler is a child process of the worker. Celery does not notice its death, after which no scan would run: a
thread here watches it and stops the worker, and the supervisor (`up`, systemd) starts both again.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
import warnings
from typing import Any

from celery.exceptions import SecurityWarning
from celery.signals import beat_embedded_init, worker_process_init, worker_ready, worker_shutting_down
from django.conf import settings

from alertadmin.celery import app
from alertadmin.operator_log.context import set_process_name
from alertadmin.outbox.queue import broker_outage, shutdown
from alertadmin.supervisor import parent_death_signal
from alertadmin.supervisor.beat_scheduler import MonotonicScheduler

CONCURRENCY = 2
"""Tasks at once. One delivers (up to four deliveries at a time), the other is free for the next task."""


STDERR = 2
LONGEST_STOP = 90.0
"""Seconds. Celery's shutdown can hang after one of its processes was killed. The lease of a delivery in progress then
expires, and another worker reclaims it."""


def main() -> int:
    os.environ[parent_death_signal.LEADER] = str(os.getpid())
    set_process_name("worker")
    # A system check that fails, for example in the code of a page, must not stop reminders.
    os.environ["CELERY_SKIP_CHECKS"] = "true"
    # Celery warns of running as root because of pickle, which this worker does not accept.
    warnings.simplefilter("ignore", SecurityWarning)
    # broker_connection logs the loss of the connection, once.
    logging.getLogger("celery.worker.consumer.consumer").setLevel(logging.ERROR)
    # It reports as an error that a connection which the broker closed cannot be closed once more.
    logging.getLogger("celery.worker.loops").setLevel(logging.CRITICAL)
    # weak=False: the signal has the only reference to these functions.
    beat_embedded_init.connect(_tie_clock, weak=False)
    worker_process_init.connect(_begin_pool_process, weak=False)
    worker_ready.connect(_watch_clock, weak=False)
    worker_shutting_down.connect(_stop_pool, weak=False)
    worker = app.Worker(
        beat=True,
        scheduler=MonotonicScheduler,
        concurrency=CONCURRENCY,
        loglevel=settings.ENVIRONMENT.log_level or "WARNING",
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        # Without events and remote control there are fewer connections that an outage of the broker can break.
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _tie_clock(**_details: Any) -> None:
    """Set the parent death signal of beat's process."""
    parent_death_signal.tie_to_leader()
    parent_death_signal.name("clock")


def _begin_pool_process(**_details: Any) -> None:
    parent_death_signal.tie_to_leader()
    broker_outage.leave_to_parent()


def _stop_pool(**_details: Any) -> None:
    """Let the pool finish deliveries in progress and begin no other. Exit after LONGEST_STOP even if Celery hangs."""
    if not shutdown.is_requested():
        faulthandler.dump_traceback_later(LONGEST_STOP, exit=True, file=STDERR)
    shutdown.request_shutdown()


def _watch_clock(sender: Any, **_details: Any) -> None:
    clock = sender.controller.beat

    def watch() -> None:
        clock.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="watch the clock", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
