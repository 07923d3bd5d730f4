"""What expires of people: throttle counters, ended sessions, closed invitations. Many rows go in small batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from alertadmin.accounts.models import Invitation, PendingRole, ThrottleCounter
from alertadmin.accounts.sessions import LONGEST

BATCH = 200
"""Rows in one transaction, so that other writers wait for little."""
KEEP_TRIES = timedelta(days=2)
"""The longest limit counts within one day (accounts.guessing)."""
KEEP_SESSIONS = LONGEST + timedelta(days=1)
"""Since it was last used; an unused session ended long before."""

MOST_ANONYMOUS = 20_000
"""Sessions without a person, about 10 MB; counted every five minutes (watching.tasks)."""


def prune(keep_closed: timedelta, now: datetime) -> int:
    """Deletes what is older; returns how many records went. Counters and sessions are none."""
    delete_in_batches(ThrottleCounter.objects.filter(since__lt=now - KEEP_TRIES))
    delete_in_batches(UserSession.objects.filter(last_seen_at__lt=now - KEEP_SESSIONS))
    delete_in_batches(Session.objects.filter(expire_date__lt=now))
    ended = (
        Q(accepted_at__lt=now - keep_closed) | Q(revoked_at__lt=now - keep_closed) | Q(ends_at__lt=now - keep_closed)
    )
    expired = PendingRole.objects.filter(ends_at__lt=now - keep_closed)
    return delete_in_batches(Invitation.objects.filter(ended)) + delete_in_batches(expired)


def limit_anonymous_sessions(most: int = MOST_ANONYMOUS) -> int:
    """Ends the oldest sessions that no person is signed in with, beyond `most`; returns how many.

    A sign-in by passkey or provider begins with such a row, and strangers can begin any number of them.
    """
    anonymous = Session.objects.exclude(session_key__in=UserSession.objects.values("session_key"))
    surplus = anonymous.count() - most
    if surplus <= 0:
        return 0
    last = anonymous.order_by("expire_date").values_list("expire_date", flat=True)[surplus - 1]
    return delete_in_batches(anonymous.filter(expire_date__lte=last))


def batches(found: QuerySet[Any], size: int = BATCH) -> Iterator[QuerySet[Any]]:
    """Some at a time, until none is found any more. Looked for without a lock, then taken by their ids."""
    while keys := list(found.order_by("pk").values_list("pk", flat=True)[:size]):
        yield found.model._default_manager.filter(pk__in=keys)


def delete_in_batches(found: QuerySet[Any], size: int = BATCH) -> int:
    """Returns how many of them went, not of what hangs on them."""
    return sum(_delete(batch) for batch in batches(found, size))


@transaction.atomic
def _delete(batch: QuerySet[Any]) -> int:
    _all, by_model = batch.delete()
    return by_model.get(batch.model._meta.label, 0)
