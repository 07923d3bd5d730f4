"""Celery tasks of the registry."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from alertadmin.registry.consent import check_batch
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.credentials import rotation
from alertadmin.registry.csv_import import import_steps
from alertadmin.registry.models import AppRegistration
from alertadmin.registry.personal import refresh_tokens

log = logging.getLogger(__name__)


@shared_task(name="alertadmin.registry.tasks.check_consents")
def check_consents() -> None:
    """Start the daily check of all consents. Does nothing if one started lately, as after a restart of the worker."""
    now = timezone.now()
    if not check_batch.is_due(now):
        return
    rotation.promote_overdue(now=now)
    sync_required_consents(AppRegistration.objects.all())
    check_batch.start(None, now=now)
    continue_checking()


@shared_task(name="alertadmin.registry.tasks.go_on_checking")
def continue_checking() -> None:
    """Check one slice and send the task for the next. If the broker is down, beat runs it later."""
    if check_batch.continue_batch():
        try:
            continue_checking.apply_async(retry=False, ignore_result=True)
        except Exception as error:
            # A broken broker raises exceptions of kombu, redis or the system.
            log.warning("the task for the next slice of the consent check was not sent: %s", type(error).__name__)


@shared_task(name="alertadmin.registry.tasks.keep_sign_ins")
def keep_sign_ins() -> None:
    """Refresh the sign-ins of personal accounts that were not used for weeks."""
    for _mailbox in refresh_tokens.refresh_unused(now=timezone.now()):
        pass


@shared_task(name="alertadmin.registry.tasks.continue_imports")
def continue_imports() -> None:
    """Check and import long files that were uploaded, and delete those past their hour. Beat runs it every minute."""
    import_steps.continue_imports()
