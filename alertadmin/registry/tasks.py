"""Celery's doors into the registry."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from alertadmin.registry import replacing, runs, sign_ins
from alertadmin.registry.models import AppRegistration
from alertadmin.registry.wanted import note_wanted

log = logging.getLogger(__name__)


@shared_task(name="alertadmin.registry.tasks.check_consents")
def check_consents() -> None:
    """Each day; sooner asked again, as after a restart of the worker, it does nothing."""
    now = timezone.now()
    if not runs.is_due(now):
        return
    replacing.promote_overdue(now=now)
    note_wanted(AppRegistration.objects.all())
    runs.begin(None, now=now)
    go_on_checking()


@shared_task(name="alertadmin.registry.tasks.go_on_checking")
def go_on_checking() -> None:
    """A slice of what is to be checked, and a ring for the next. Should nobody hear it, the clock comes by."""
    if runs.go_on():
        try:
            go_on_checking.apply_async(retry=False, ignore_result=True)
        except Exception as error:
            # Whatever a broken broker raises (kombu, redis, OSError).
            log.warning("the next slice of the check was not rung for: %s", type(error).__name__)


@shared_task(name="alertadmin.registry.tasks.keep_sign_ins")
def keep_sign_ins() -> None:
    for _mailbox in sign_ins.keep(now=timezone.now()):
        pass
