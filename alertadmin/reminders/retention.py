"""Retention: first the contents of old mails are deleted, later the mails, scans and expired sessions. All periods are
listed in docs/operations.md, "What is kept, and how long".

In small batches, so that sending is not delayed. The rows that record a reminder as sent (by object, expiry and
threshold) are never deleted: they guarantee that no reminder is sent twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from alertadmin import audit
from alertadmin.accounts import retention as accounts_retention
from alertadmin.accounts.retention import batches, delete_in_batches
from alertadmin.audit import AuditAction
from alertadmin.audit import retention as audit_retention
from alertadmin.operator_log import Event, log_event
from alertadmin.outbox.models import Attempt, ConsentRequest, Delivery, RenewalRequest
from alertadmin.registry import retention as registry_retention
from alertadmin.reminders.models import CalendarFeed, Reminder, Scan

BATCH = 200
KEEP_SCANS = timedelta(days=90)


Pruner = Callable[[datetime], int]
"""Deletes old rows; returns the number of records."""
_pruners: list[Pruner] = []


def register(pruner: Pruner) -> None:
    """Add what an app above this one deletes."""
    _pruners.append(pruner)


@dataclass(frozen=True)
class Pruned:
    """Numbers of rows."""

    words: int = 0
    deliveries: int = 0
    scans: int = 0
    entries: int = 0
    """Of the audit trail."""
    records: int = 0
    """Closed invitations, one-time links, consent checks and requests, revoked calendars."""


def prune(now: datetime) -> Pruned:
    """May run at any time and in parallel, and be killed: the next run continues."""
    begun = monotonic()
    with_words = _settled(now - settings.KEEP_WORDS).exclude(text="", html="", details=[], attachments=[])
    words = sum(map(_delete_contents, batches(with_words, BATCH)))
    deliveries = delete_in_batches(_settled(now - settings.KEEP_DELIVERIES), BATCH)
    reminders = Reminder.objects.filter(scan=OuterRef("pk"))
    old = Scan.objects.filter(started_at__lt=now - KEEP_SCANS).exclude(Exists(reminders))
    latest = Scan.objects.order_by("-pk").values("pk")[:1]
    scans = delete_in_batches(old.exclude(pk__in=latest), BATCH)
    records = _prune_records(now)
    done = Pruned(words, deliveries, scans, audit_retention.prune(settings.KEEP_AUDIT, now), records)
    if words or deliveries or scans or records:
        with transaction.atomic():
            audit.record(AuditAction.RECORDS_PRUNED, counts=asdict(done), now=now)
    log_event(Event.RETENTION_FINISHED, **asdict(done), duration_ms=round((monotonic() - begun) * 1000))
    return done


def _prune_records(now: datetime) -> int:
    """Rows that record an action beside the audit trail are kept as long as it; temporary rows for less."""
    before = now - settings.KEEP_AUDIT
    return (
        accounts_retention.prune(settings.KEEP_AUDIT, now)
        + registry_retention.prune(settings.KEEP_AUDIT, now)
        + delete_in_batches(ConsentRequest.objects.filter(at__lt=before))
        + sum(prune_records(now) for prune_records in _pruners)
        + delete_in_batches(RenewalRequest.objects.filter(at__lt=before))
        + delete_in_batches(CalendarFeed.objects.filter(revoked_at__lt=before))
    )


def _settled(before: datetime) -> QuerySet[Delivery]:
    """Deliveries settled before then. (They were created earlier: that column has the index.)"""
    return Delivery.objects.filter(created_at__lt=before, settled_at__lt=before)


@transaction.atomic
def _delete_contents(batch: QuerySet[Delivery]) -> int:
    """Delete the texts, details and attachments, and the steps of the attempts."""
    Attempt.objects.filter(delivery__in=batch).update(steps=[])
    return batch.update(text="", html="", details=[], attachments=[])
