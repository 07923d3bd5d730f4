"""Deletion of old consent checks, kept secrets, consent callbacks, one-time links and device codes."""

from __future__ import annotations

from datetime import datetime, timedelta

from alertadmin.accounts.retention import delete_in_batches
from alertadmin.registry.consent.check_batch import RETENTION
from alertadmin.registry.credentials import kept_secrets
from alertadmin.registry.csv_import.import_steps import remove_expired
from alertadmin.registry.models import ConsentCallback, ConsentCheckBatch, DeviceCodeFlow, OneTimeLink
from alertadmin.registry.models.device_code_flow import DeviceCodeState

CODE_RETENTION = timedelta(days=1)
"""How long an expired device code is kept. A page that is still open shows that it expired."""


def prune(keep_closed: timedelta, now: datetime) -> int:
    """Delete records older than `keep_closed` and clear expired codes; returns the number of deleted records.

    A `SecretDisclosure` is kept as long as its secret: without it the secret could be shown again.
    """
    before = now - keep_closed
    codes = DeviceCodeFlow.objects.filter(state=DeviceCodeState.WAITING, expires_at__lt=now - CODE_RETENTION)
    codes.update(state=DeviceCodeState.EXPIRED, user_code="", device_code=None)
    unconfirmed = DeviceCodeFlow.objects.filter(state=DeviceCodeState.HELD, expires_at__lt=now)
    unconfirmed.update(state=DeviceCodeState.EXPIRED, held_token=None)
    return (
        remove_expired(now)
        + kept_secrets.remove_expired(now)
        + delete_in_batches(ConsentCheckBatch.objects.filter(finished_at__lt=now - RETENTION))
        + delete_in_batches(ConsentCallback.objects.filter(at__lt=before))
        + delete_in_batches(OneTimeLink.objects.filter(made_at__lt=before, ends_at__lt=before))
    )
