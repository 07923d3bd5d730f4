"""Celery's doors into the registry."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alertadmin.registry import checks, replacing


@shared_task(name="alertadmin.registry.tasks.check_consents")
def check_consents() -> None:
    replacing.promote_overdue(now=timezone.now())
    for _consent in checks.check_consents(checks.wanted_pairs(), now=timezone.now()):
        pass
