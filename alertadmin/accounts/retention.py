"""Delete expired rows in small batches: throttle counters, ended sessions, closed invitations, expired roles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from alertadmin.accounts.models import Invitation, PendingRole, ThrottleCounter
from alertadmin.accounts.sessions import MAX_AGE

BATCH = 200
"""Rows per transaction, so that other writers wait only briefly."""
KEEP_COUNTERS = timedelta(days=2)
"""The longest throttling window is one day (accounts.throttling)."""
KEEP_SESSIONS = MAX_AGE + timedelta(days=1)
"""After the last use; an unused session expires long before."""

MAX_ANONYMOUS_SESSIONS = 20_000
"""Anonymous sessions, about 10 MB; counted every five minutes (monitoring.tasks)."""


def prune(keep_closed: timedelta, now: datetime) -> int:
    """Delete older rows. Returns the number of invitations and pending roles; counters and sessions do not count."""
    delete_in_batches(ThrottleCounter.objects.filter(since__lt=now - KEEP_COUNTERS))
    delete_in_batches(UserSession.objects.filter(last_seen_at__lt=now - KEEP_SESSIONS))
    delete_in_batches(Session.objects.filter(expire_date__lt=now))
    ended = (
        Q(accepted_at__lt=now - keep_closed) | Q(revoked_at__lt=now - keep_closed) | Q(ends_at__lt=now - keep_closed)
    )
    expired = PendingRole.objects.filter(ends_at__lt=now - keep_closed)
    return delete_in_batches(Invitation.objects.filter(ended)) + delete_in_batches(expired)


def limit_anonymous_sessions(most: int = MAX_ANONYMOUS_SESSIONS) -> int:
    """End the oldest anonymous sessions beyond `most`. Returns their number.

    A sign-in by passkey or provider starts with such a row, and anonymous requests can start any number of them.
    """
    anonymous = Session.objects.exclude(session_key__in=UserSession.objects.values("session_key"))
    surplus = anonymous.count() - most
    if surplus <= 0:
        return 0
    last = anonymous.order_by("expire_date").values_list("expire_date", flat=True)[surplus - 1]
    return delete_in_batches(anonymous.filter(expire_date__lte=last))


def batches(found: QuerySet[Any], size: int = BATCH) -> Iterator[QuerySet[Any]]:
    """Yield querysets of at most `size` rows until none is left. Found without a lock, then selected by id."""
    while keys := list(found.order_by("pk").values_list("pk", flat=True)[:size]):
        yield found.model._default_manager.filter(pk__in=keys)


def delete_in_batches(found: QuerySet[Any], size: int = BATCH) -> int:
    """Returns the number of deleted rows, without those deleted by cascade."""
    return sum(_delete(batch) for batch in batches(found, size))


@transaction.atomic
def _delete(batch: QuerySet[Any]) -> int:
    _all, by_model = batch.delete()
    return by_model.get(batch.model._meta.label, 0)
