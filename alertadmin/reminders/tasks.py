"""Celery tasks: hourly scan, daily retention."""

from __future__ import annotations

from celery import shared_task

from alertadmin.outbox.queue.clock import DatabaseClock
from alertadmin.reminders import retention
from alertadmin.reminders.scan import scanner as scanning


@shared_task(name="alertadmin.reminders.tasks.scan")
def scan() -> None:
    scanning.run(DatabaseClock()())


@shared_task(name="alertadmin.reminders.tasks.prune")
def prune() -> None:
    retention.prune(DatabaseClock()())
