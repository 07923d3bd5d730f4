"""Celery's doors into the registry."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from alertadmin.registry.consent import check_batch
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.credentials import rotation
from alertadmin.registry.models import AppRegistration
from alertadmin.registry.personal import refresh_tokens

log = logging.getLogger(__name__)


@shared_task(name="alertadmin.registry.tasks.check_consents")
def check_consents() -> None:
    """Each day; sooner asked again, as after a restart of the worker, it does nothing."""
    now = timezone.now()
    if not check_batch.is_due(now):
        return
    rotation.promote_overdue(now=now)
    sync_required_consents(AppRegistration.objects.all())
    check_batch.begin(None, now=now)
    continue_checking()


@shared_task(name="alertadmin.registry.tasks.go_on_checking")
def continue_checking() -> None:
    """A slice of what is to be checked, and a ring for the next. Should nobody hear it, the clock comes by."""
    if check_batch.continue_batch():
        try:
            continue_checking.apply_async(retry=False, ignore_result=True)
        except Exception as error:
            # Whatever a broken broker raises (kombu, redis, OSError).
            log.warning("the next slice of the check was not rung for: %s", type(error).__name__)


@shared_task(name="alertadmin.registry.tasks.keep_sign_ins")
def keep_sign_ins() -> None:
    for _mailbox in refresh_tokens.keep(now=timezone.now()):
        pass
