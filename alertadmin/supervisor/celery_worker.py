"""The Celery worker with its clock (beat) inside: `python -m alertadmin.supervisor.celery_worker`.

The clock is a process of the worker's own. Celery does not notice its death; we do, because without it nothing would
be scanned any more: the worker then stops, and whoever keeps it starts both again.
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
"""Tasks at once. One delivers (itself four at a time), the other is free for the next ring."""


STDERR = 2
LONGEST_STOP = 90.0
"""Seconds. Celery's shutdown can hang for ever after one of its processes was killed; whatever was being sent then is
held by a lease that ends."""


def main() -> int:
    os.environ[parent_death_signal.LEADER] = str(os.getpid())
    set_process_name("worker")
    # A fault in a page's code must not keep a reminder from going out.
    os.environ["CELERY_SKIP_CHECKS"] = "true"
    # Celery warns of root because of pickle, which is not accepted here.
    warnings.simplefilter("ignore", SecurityWarning)
    # The loss of the connection is logged by broker_connection, once.
    logging.getLogger("celery.worker.consumer.consumer").setLevel(logging.ERROR)
    # weak=False, here and below: nobody else holds these functions.
    beat_embedded_init.connect(_tie_clock, weak=False)
    worker_process_init.connect(_begin_pool_process, weak=False)
    worker_ready.connect(_watch_clock, weak=False)
    worker_shutting_down.connect(_tell_the_pool, weak=False)
    worker = app.Worker(
        beat=True,
        scheduler=MonotonicScheduler,
        concurrency=CONCURRENCY,
        loglevel=settings.ENVIRONMENT.get("LOG_LEVEL", "WARNING"),
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        # Events and remote control are not used: fewer parts that a broker's death can break.
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _tie_clock(**_details: Any) -> None:
    """Runs in beat's process."""
    parent_death_signal.tie_to_leader()
    parent_death_signal.name("clock")


def _begin_pool_process(**_details: Any) -> None:
    parent_death_signal.tie_to_leader()
    broker_outage.leave_to_parent()


def _tell_the_pool(**_details: Any) -> None:
    """What is being sent comes to its end; no other delivery is begun. Whatever hangs, the process ends too."""
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
