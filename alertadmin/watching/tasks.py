"""Celery's door to the watching. A task of its own: whoever is slow to hear a ping holds up no reminder."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alertadmin.watching import ping


@shared_task(name="alertadmin.watching.tasks.watch")
def watch() -> None:
    now = timezone.now()
    if ping.is_due(now):
        ping.send(now)
