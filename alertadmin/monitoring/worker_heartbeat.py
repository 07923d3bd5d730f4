"""The worker's heartbeat: a thread of its main process writes it every 15 seconds, and then the problems found.

A thread, not a task: a pool whose processes are all busy is healthy. The database connection is closed after each beat,
since a process that the pool forks must not inherit it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from django.db import connections

from alertadmin.monitoring import health_report
from alertadmin.monitoring.models import Heartbeat
from alertadmin.outbox.queue.clock import DatabaseClock

log = logging.getLogger(__name__)

INTERVAL = 15.0
"""Seconds; a worker counts as missing after health_checks.HEARTBEAT_AFTER."""
DELIVER_TASK = "alertadmin.outbox.tasks.deliver_due"
AFTER_RUN = 2.0
"""Minimum seconds between two checks after tasks, so that many wake-ups do not cause as many checks."""


def start(**_signal: Any) -> None:
    """Connected to Celery's worker_ready."""
    threading.Thread(target=_run, name="heartbeat", daemon=True).start()


def beat() -> None:
    """Write one heartbeat. Raises nothing: if the database is away, the missing heartbeats show it."""
    clock = DatabaseClock()
    try:
        Heartbeat.beat(Heartbeat.Source.WORKER, clock())
        health_report.refresh(clock(), Heartbeat.Source.WORKER)
    except Exception as error:
        log.warning("the heartbeat could not be written: %s", type(error).__name__)


def after_task(task: Any, **_signal: Any) -> None:
    """Check after a run of the outbox, so that changes show before the next beat. Connected to Celery's
    task_postrun."""
    if task.name != DELIVER_TASK:
        return
    try:
        now = DatabaseClock()()
        row = Heartbeat.objects.filter(source=Heartbeat.Source.WORKER).only("checked_at").first()
        if row and row.checked_at and abs((now - row.checked_at).total_seconds()) > AFTER_RUN:
            health_report.refresh(now, Heartbeat.Source.WORKER)
    except Exception as error:
        log.warning("what a run changed could not be noted: %s", type(error).__name__)


def _run() -> None:
    asleep = threading.Event()
    while True:
        beat()
        connections.close_all()
        asleep.wait(INTERVAL)
