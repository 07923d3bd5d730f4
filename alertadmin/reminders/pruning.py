"""What grows for ever is cut back: the words of old mails first, later the mails themselves, scans, ended sessions.

In small batches, so that whoever sends waits for none. What says that a reminder was told (its row, by thing, end and
threshold) is never touched: on that rests that nobody is told twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from alertadmin.accounts import audit
from alertadmin.accounts.audit import Act, pruning
from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.reminders.models import Reminder, Scan

BATCH = 200
KEEP_SCANS = timedelta(days=90)


@dataclass(frozen=True)
class Pruned:
    """Numbers of rows."""

    words: int
    deliveries: int
    scans: int
    entries: int
    """Of the audit trail."""


def prune(now: datetime) -> Pruned:
    """May run at any time, beside anything, and be killed: the next run goes on."""
    words = sum(map(_forget_words, _batches(_settled(now - settings.KEEP_WORDS).exclude(text="", html=""))))
    deliveries = sum(map(_delete, _batches(_settled(now - settings.KEEP_DELIVERIES))))
    told = Reminder.objects.filter(scan=OuterRef("pk"))
    old = Scan.objects.filter(started_at__lt=now - KEEP_SCANS).exclude(Exists(told))
    latest = Scan.objects.order_by("-pk").values("pk")[:1]
    scans = sum(map(_delete, _batches(old.exclude(pk__in=latest))))
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    done = Pruned(words, deliveries, scans, pruning.prune(settings.KEEP_AUDIT, now))
    if words or deliveries or scans:
        with transaction.atomic():
            audit.record(Act.RECORDS_PRUNED, counts=asdict(done), now=now)
    return done


def _settled(before: datetime) -> QuerySet[Delivery]:
    """What came to its end before then. (What was settled was created earlier: that column has the index.)"""
    return Delivery.objects.filter(created_at__lt=before, settled_at__lt=before)


def _batches(found: QuerySet[Any]) -> Iterator[QuerySet[Any]]:
    """Some at a time, until none is found any more. Looked for without a lock, then taken by their ids."""
    while keys := list(found.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield found.model._default_manager.filter(pk__in=keys)


@transaction.atomic
def _forget_words(batch: QuerySet[Delivery]) -> int:
    Attempt.objects.filter(delivery__in=batch).update(steps=[])
    return batch.update(text="", html="")


@transaction.atomic
def _delete(batch: QuerySet[Any]) -> int:
    """Returns how many of them, not of what hangs on them."""
    _all, by_model = batch.delete()
    return by_model.get(batch.model._meta.label, 0)
