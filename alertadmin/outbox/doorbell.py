"""Rings for a worker once the row is committed. If nobody hears it, beat comes by within half a minute anyway."""

from __future__ import annotations

import logging

from django.db import transaction

log = logging.getLogger(__name__)


def ring() -> None:
    """After the commit, and never a reason for the page to fail: a dead broker costs half a second and one line."""
    transaction.on_commit(_ring, robust=True)


def _ring() -> None:
    # Not the task's own apply_async: in a thread, such as one of the web server's, that would ask Celery's unconfigured
    # default app.
    from alertadmin.celery import app

    try:
        app.send_task("alertadmin.outbox.tasks.deliver_due", retry=False, ignore_result=True)
    except Exception as error:
        # Whatever a broken broker raises (kombu, redis, OSError): the row is safe, and beat will find it.
        log.warning(
            "the doorbell is out of order (%s); the delivery goes out with the next round", type(error).__name__
        )
