"""Start, continue and stop bulk jobs.

A job is worked on in slices, by one process at a time (a lease). Each row is worked on in one transaction with its
result, so that a killed process loses nothing and does no row twice; an action that asks Microsoft does so before, and
may ask again.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count, F, Min, Q
from django.utils import timezone, translation

from alertadmin import audit
from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.audit.actor import WORKER, Actor, acting_as
from alertadmin.bulk import messages
from alertadmin.bulk.actions import find_action
from alertadmin.bulk.actions.base import BulkAction, BulkResult, Target
from alertadmin.bulk.models import LONGEST_LABEL, BulkJob, BulkJobQuerySet, BulkRow, RowState
from alertadmin.clock_skew import CLOCKS_DIFFER
from alertadmin.outbox.mail_limits import TooManyMails

log = logging.getLogger(__name__)

TASK = "alertadmin.bulk.tasks.continue_bulk_jobs"
SLICE = timedelta(seconds=20)
LEASE = timedelta(minutes=10)
"""As long as a task of the worker may take."""
CHUNK = 50
"""Rows read at a time."""
MAX_ROWS = 20_000
WRITTEN_AT_ONCE = 500
DRAFT_LIFETIME = timedelta(days=1)
RETENTION = timedelta(days=30)
LONGEST_WAIT = timedelta(days=2)
"""Of a row; limits of mails are of a day."""
PAUSE = timedelta(minutes=1)
"""Before a row is tried again that the database refused."""


class TooManyRows(ValueError):
    """More than MAX_ROWS were selected."""


@transaction.atomic
def draft(
    user: User,
    action: BulkAction[Any],
    targets: Generator[Target],
    *,
    list_name: str,
    list_query: str = "",
    left_out: int = 0,
    now: datetime,
) -> BulkJob:
    """Keep what was selected, to be confirmed. Raises TooManyRows."""
    with closing(targets):
        found = list(islice(targets, MAX_ROWS + 1))
    if len(found) > MAX_ROWS:
        raise TooManyRows
    job = BulkJob.objects.create(
        user=user, action=action.name, list_name=list_name, list_query=list_query, left_out=left_out, created_at=now
    )
    BulkRow.objects.bulk_create(
        (BulkRow(job=job, key=one.key, label=one.label[:LONGEST_LABEL], parameters=one.parameters) for one in found),
        batch_size=WRITTEN_AT_ONCE,
    )
    return job


def start(job: BulkJob, parameters: dict[str, object], now: datetime) -> bool:
    """Start a draft. False if it was started already."""
    with transaction.atomic():
        fields = {"parameters": parameters, "started_at": now, "worked_at": now}
        if not BulkJob.objects.filter(pk=job.pk, started_at=None).update(**fields):
            return False
        _record(AuditAction.BULK_STARTED, job, job.rows.count(), now)
    return True


def stop(job: BulkJob, now: datetime) -> None:
    """Stop after the row in progress. What is done stays done."""
    with transaction.atomic():
        if BulkJob.objects.running().filter(pk=job.pk).update(finished_at=now, is_stopped=True):
            _record(AuditAction.BULK_STOPPED, job, job.rows.filter(state=RowState.WAITING).count(), now)


def try_again(job: BulkJob, now: datetime) -> int:
    """Let the rows wait again that failed or were skipped, or that a stopped job left. Returns their number."""
    with transaction.atomic():
        if not BulkJob.objects.filter(pk=job.pk, finished_at__isnull=False).update(
            finished_at=None, is_stopped=False, worked_at=now
        ):
            return 0
        job.rows.filter(state__in=[RowState.FAILED, RowState.SKIPPED]).update(
            state=RowState.WAITING, result="", not_before=None, done_at=None
        )
        count = job.rows.filter(state=RowState.WAITING).count()
        _record(AuditAction.BULK_STARTED, job, count, now)
    return count


def _record(act: AuditAction, job: BulkJob, count: int, now: datetime) -> None:
    audit.record(act, by=job.user, kind=job.action, count=count, entry=job.pk, now=now)


def counts(job: BulkJob) -> dict[str, int]:
    """Number of rows by state."""
    found = dict.fromkeys(RowState.values, 0)
    found |= dict(job.rows.order_by().values_list("state").annotate(Count("pk")))
    return found


def next_at(job: BulkJob) -> datetime | None:
    """When the next waiting row may be worked on; None if one may at once."""
    waiting = job.rows.filter(state=RowState.WAITING).order_by()
    if waiting.filter(not_before=None).exists():
        return None
    earliest: datetime | None = waiting.aggregate(at=Min("not_before"))["at"]
    return earliest


def continue_next(*, slice_length: timedelta = SLICE) -> bool:
    """Work on the job that has waited longest, for a slice. Returns whether a row could be worked on now."""
    now = timezone.now()
    job = _claim(now)
    if job is None:
        return False
    try:
        _work(job, monotonic() + slice_length.total_seconds())
    finally:
        BulkJob.objects.filter(pk=job.pk).update(lease_until=None, worked_at=timezone.now())
    return _ready(timezone.now()).exists()


def _ready(now: datetime) -> BulkJobQuerySet:
    """Running jobs with a row that may be worked on, or without any waiting row, without another process's lease."""
    leased = Q(lease_until__gt=now, lease_until__lte=now + LEASE + CLOCKS_DIFFER)
    due = BulkRow.objects.filter(_due(now)).order_by().values("job")
    waiting = BulkRow.objects.filter(state=RowState.WAITING).order_by().values("job")
    return BulkJob.objects.running().exclude(leased).filter(Q(pk__in=due) | ~Q(pk__in=waiting))


def _due(now: datetime) -> Q:
    # A moment further ahead than any limit was written by a clock that ran ahead.
    is_due = Q(not_before=None) | Q(not_before__lte=now) | Q(not_before__gt=now + LONGEST_WAIT)
    return Q(state=RowState.WAITING) & is_due


def _claim(now: datetime) -> BulkJob | None:
    for job in _ready(now).select_related("user").order_by(F("worked_at").asc(nulls_first=True), "pk"):
        if _ready(now).filter(pk=job.pk).update(lease_until=now + LEASE):
            return job
    return None


def _work(job: BulkJob, ends: float) -> None:
    action = find_action(job.action)
    if action is None or not job.user.is_active:
        stop(job, timezone.now())
        return
    language = job.user.language or translation.get_language()
    with acting_as(Actor(WORKER, get_person=lambda: job.user)), translation.override(language):
        while monotonic() < ends:
            rows = list(job.rows.filter(_due(timezone.now()))[:CHUNK])
            if not rows:
                break
            for row in rows:
                if monotonic() >= ends or not _is_running(job):
                    return
                _work_on(job, action, row)
    _finish(job, timezone.now())


def _is_running(job: BulkJob) -> bool:
    return BulkJob.objects.running().filter(pk=job.pk, user__is_active=True).exists()


def _finish(job: BulkJob, now: datetime) -> None:
    if not job.rows.filter(state=RowState.WAITING).exists():
        BulkJob.objects.running().filter(pk=job.pk).update(finished_at=now)


def _work_on(job: BulkJob, action: BulkAction[Any], row: BulkRow) -> None:
    """One row; an error of one row does not stop the others."""
    now = timezone.now()
    try:
        found = action.find(Access(job.user), row)
        if found is None:
            _store(row, BulkResult(RowState.SKIPPED, messages.NOT_YOURS % {}), now)
            return
        prepared = action.prepare(found, row, job, now)
        with transaction.atomic():
            # Locks the row: another process that works on it after a lost lease waits, and finds it done.
            if BulkRow.objects.filter(pk=row.pk, state=RowState.WAITING).update(state=RowState.WAITING):
                _store(row, action.apply(found, row, job, now, prepared), now)
    except TooManyMails as refused:
        _store(row, BulkResult(RowState.WAITING, messages.LIMIT_REACHED % {}, not_before=refused.until), now)
    except (OperationalError, InterfaceError) as error:
        log.warning("a row of a bulk job waits for the database: %s", type(error).__name__)
        _store(row, BulkResult(RowState.WAITING, not_before=now + PAUSE), now)
    except Exception as error:
        log.exception("a row of bulk job %s failed: %s", job.pk, type(error).__name__)
        _store(row, BulkResult(RowState.FAILED, messages.UNEXPECTED % {}), now)


def _store(row: BulkRow, result: BulkResult, now: datetime) -> None:
    done_at = None if result.state == RowState.WAITING else now
    BulkRow.objects.filter(pk=row.pk).update(
        state=result.state, result=result.text, not_before=result.not_before, done_at=done_at
    )


def prune(now: datetime) -> int:
    """Delete drafts that were not started, and old jobs."""
    old = Q(started_at=None, created_at__lt=now - DRAFT_LIFETIME) | Q(finished_at__lt=now - RETENTION)
    return sum(job.delete()[0] for job in BulkJob.objects.filter(old))
