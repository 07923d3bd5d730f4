"""Rings for a worker once the row is committed. If nobody hears it, beat comes by within half a minute anyway.

Whoever rings does not wait: a broker that is down, or takes a connection and never answers, costs a page nothing. A
thread of the process does the ringing, and many rings that come while it is at it are one.
"""

from __future__ import annotations

import os
import threading

from django.db import transaction

from alertadmin.operator_log.context import request_id, set_request_id
from alertadmin.outbox.queue.broker_outage import BrokerOutage

DELIVER = "alertadmin.outbox.tasks.deliver_due"


def notify_worker(task: str = DELIVER) -> None:
    """After the commit, and never a reason for the page to fail."""
    with _hanging:
        bell = _bells.setdefault(task, WorkerNotifier(task))
    transaction.on_commit(bell.notify, robust=True)


class WorkerNotifier:
    """Its thread begins with the first ring, again in a process that was forked since."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._starting = threading.Lock()
        self._wanted = threading.Event()
        self._process = 0
        self._request_id = ""
        """Of the last request that rang; of several that are rung for at once only it is named."""

    def notify(self) -> None:
        self._request_id = request_id()
        self._wanted.set()
        with self._starting:
            if self._process != os.getpid():
                threading.Thread(target=self._stand_by, name="doorbell", daemon=True).start()
                self._process = os.getpid()

    def _stand_by(self) -> None:
        while self._wanted.wait():
            # Before the ring, so that what is asked for while it rings is rung for once more.
            self._wanted.clear()
            set_request_id(self._request_id)
            _send(self._task)


def _send(task: str) -> None:
    # Not the task's own apply_async: in a thread that would ask Celery's unconfigured default app.
    from alertadmin.celery import app

    try:
        app.send_task(task, retry=False, ignore_result=True)
    except Exception as error:
        # Anything that a broken broker raises (kombu, redis, OSError): the row is safe, and beat will find it.
        _outage.failed(error)
    else:
        _outage.connected()


_outage = BrokerOutage()
_bells: dict[str, WorkerNotifier] = {}
_hanging = threading.Lock()
