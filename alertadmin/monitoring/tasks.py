"""Celery task of the monitoring. Separate from the others, so that a slow ping delays no reminder."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alertadmin.accounts import retention
from alertadmin.monitoring import heartbeat_ping, system_mails


@shared_task(name="alertadmin.watching.tasks.watch")
def watch() -> None:
    now = timezone.now()
    retention.limit_anonymous_sessions()
    system_mails.write(now)
    if heartbeat_ping.is_due(now):
        heartbeat_ping.send(now)
