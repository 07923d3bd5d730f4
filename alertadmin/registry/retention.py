"""What expires of consents, one-time links and sign-ins by device code."""

from __future__ import annotations

from datetime import datetime, timedelta

from alertadmin.accounts.retention import delete_in_batches
from alertadmin.registry.consent.check_batch import KEPT
from alertadmin.registry.models import ConsentCallback, ConsentCheckBatch, DeviceCodeFlow, OneTimeLink
from alertadmin.registry.models.device_code_flow import DeviceCodeState

KEEP_CODES = timedelta(days=1)
"""After the code expired that was to be entered. A page that is still open says so itself."""


def prune(keep_closed: timedelta, now: datetime) -> int:
    """Deletes what is older, and codes that were not entered; returns how many records went. That a secret was shown
    (Handover) stays as long as the secret: without it the secret could be shown again."""
    before = now - keep_closed
    codes = DeviceCodeFlow.objects.filter(state=DeviceCodeState.WAITING, expires_at__lt=now - KEEP_CODES)
    codes.update(state=DeviceCodeState.EXPIRED, user_code="", device_code=None)
    held = DeviceCodeFlow.objects.filter(state=DeviceCodeState.HELD, expires_at__lt=now)
    held.update(state=DeviceCodeState.EXPIRED, held_token=None)
    return (
        delete_in_batches(ConsentCheckBatch.objects.filter(finished_at__lt=now - KEPT))
        + delete_in_batches(ConsentCallback.objects.filter(at__lt=before))
        + delete_in_batches(OneTimeLink.objects.filter(made_at__lt=before, ends_at__lt=before))
    )
