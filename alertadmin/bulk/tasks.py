"""Celery task of the bulk jobs."""

from __future__ import annotations

import logging

from celery import shared_task

from alertadmin.bulk import jobs

log = logging.getLogger(__name__)


@shared_task(name=jobs.TASK)
def continue_bulk_jobs() -> None:
    """Work on one job for one slice, and send the task for the next. If the broker is down, beat runs it later."""
    if jobs.continue_next():
        try:
            continue_bulk_jobs.apply_async(retry=False, ignore_result=True)
        except Exception as error:
            # A broken broker raises exceptions of kombu, redis or the system.
            log.warning("the task for the next slice of a bulk job was not sent: %s", type(error).__name__)
