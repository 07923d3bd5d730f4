"""Celery's doors to the scan and to the broom."""

from __future__ import annotations

from celery import shared_task

from alertadmin.outbox.clock import DatabaseClock
from alertadmin.reminders import pruning
from alertadmin.reminders import scan as scanning


@shared_task(name="alertadmin.reminders.tasks.scan")
def scan() -> None:
    scanning.run(DatabaseClock()())


@shared_task(name="alertadmin.reminders.tasks.prune")
def prune() -> None:
    pruning.prune(DatabaseClock()())
