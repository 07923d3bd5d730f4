"""What expires of consents, one-time links and sign-ins by device code."""

from __future__ import annotations

from datetime import datetime, timedelta

from alertadmin.accounts.retention import delete_in_batches
from alertadmin.registry.models import ConsentReturn, ConsentRun, HandoverLink, SignIn
from alertadmin.registry.models.sign_in import SignInState
from alertadmin.registry.runs import KEPT

KEEP_CODES = timedelta(days=1)
"""After the code expired that was to be entered. A page that is still open says so itself."""


def prune(keep_closed: timedelta, now: datetime) -> int:
    """Deletes what is older, and codes that were not entered; returns how many records went. That a secret was shown
    (Handover) stays as long as the secret: without it the secret could be shown again."""
    before = now - keep_closed
    codes = SignIn.objects.filter(state=SignInState.WAITING, expires_at__lt=now - KEEP_CODES)
    codes.update(state=SignInState.EXPIRED, user_code="", device_code=None)
    held = SignIn.objects.filter(state=SignInState.HELD, expires_at__lt=now)
    held.update(state=SignInState.EXPIRED, held_token=None)
    return (
        delete_in_batches(ConsentRun.objects.filter(finished_at__lt=now - KEPT))
        + delete_in_batches(ConsentReturn.objects.filter(at__lt=before))
        + delete_in_batches(HandoverLink.objects.filter(made_at__lt=before, ends_at__lt=before))
    )
