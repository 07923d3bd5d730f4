"""Celery task of the outbox. It takes no arguments and returns nothing: all state is in the database."""

from __future__ import annotations

from celery import shared_task

from alertadmin.outbox import worker
from alertadmin.outbox.queue import shutdown


@shared_task(name="alertadmin.outbox.tasks.deliver_due")
def deliver_due() -> None:
    worker.deliver_due(stopping=shutdown.is_requested)
