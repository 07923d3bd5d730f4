"""The worker's sign of life: a thread of its main process writes each 15 seconds that it lives, then what is wrong.

A thread, not a task: a pool whose processes are all busy for minutes sends no less. The connection is closed after each
beat, since the pool may fork a process meanwhile, which must not inherit it.
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

EVERY = 15.0
"""Seconds; a worker is missed after health_checks.HEARTBEAT_AFTER."""
DELIVERS = "alertadmin.outbox.tasks.deliver_due"
AFTER_RUN = 2.0
"""Seconds between two looks that follow runs: a storm of wake-ups is not answered by a storm of looks."""


def start(**_signal: Any) -> None:
    """Connected to Celery's worker_ready."""
    threading.Thread(target=_go_on, name="heartbeat", daemon=True).start()


def beat() -> None:
    """Once. Raises nothing: a database that is away is told by the beats that are missing."""
    clock = DatabaseClock()
    try:
        Heartbeat.beat(Heartbeat.Source.WORKER, clock())
        health_report.refresh(clock(), Heartbeat.Source.WORKER)
    except Exception as error:
        log.warning("the heartbeat could not be written: %s", type(error).__name__)


def after_task(task: Any, **_signal: Any) -> None:
    """What a run of the outbox changed is seen at once, not with the next beat. Connected to Celery's task_postrun."""
    if task.name != DELIVERS:
        return
    try:
        now = DatabaseClock()()
        row = Heartbeat.objects.filter(source=Heartbeat.Source.WORKER).only("checked_at").first()
        if row and row.checked_at and abs((now - row.checked_at).total_seconds()) > AFTER_RUN:
            health_report.refresh(now, Heartbeat.Source.WORKER)
    except Exception as error:
        log.warning("what a run changed could not be noted: %s", type(error).__name__)


def _go_on() -> None:
    asleep = threading.Event()
    while True:
        beat()
        connections.close_all()
        asleep.wait(EVERY)
