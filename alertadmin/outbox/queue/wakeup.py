"""Send a Celery task after the commit. If the broker is down, beat runs the task within 30 s.

The caller does not wait: a broker that is down or never answers delays no page. A thread of the process sends the task;
requests that arrive while it sends are merged into one.
"""

from __future__ import annotations

import os
import threading

from django.db import transaction

from alertadmin.operator_log.context import request_id, set_request_id
from alertadmin.outbox.queue.broker_outage import BrokerOutage

DELIVER = "alertadmin.outbox.tasks.deliver_due"


def notify_worker(task: str = DELIVER) -> None:
    """Send `task` after the commit. Never raises."""
    with _notifiers_lock:
        notifier = _notifiers.setdefault(task, WorkerNotifier(task))
    transaction.on_commit(notifier.notify, robust=True)


class WorkerNotifier:
    """Sends one task from a background thread, which is started on first use and again after a fork."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._starting = threading.Lock()
        self._wanted = threading.Event()
        self._process = 0
        self._request_id = ""
        """Id of the request that asked last; of several merged requests only this one is passed on."""

    def notify(self) -> None:
        self._request_id = request_id()
        self._wanted.set()
        with self._starting:
            if self._process != os.getpid():
                threading.Thread(target=self._run, name="wakeup", daemon=True).start()
                self._process = os.getpid()

    def _run(self) -> None:
        while self._wanted.wait():
            # Cleared first, so that a request that arrives while sending causes another task.
            self._wanted.clear()
            set_request_id(self._request_id)
            _send(self._task)


def _send(task: str) -> None:
    # Not the task's own apply_async, which in this thread would use Celery's unconfigured default app.
    from alertadmin.celery import app

    try:
        app.send_task(task, retry=False, ignore_result=True)
    except Exception as error:
        # Any error of the broker (kombu, redis, OSError): the row is committed, and beat will find it.
        _outage.failed(error)
    else:
        _outage.connected()


_outage = BrokerOutage()
_notifiers: dict[str, WorkerNotifier] = {}
_notifiers_lock = threading.Lock()
