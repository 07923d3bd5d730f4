"""Batches of consent checks, processed in slices: each slice has a time limit, stores its results and leaves the rest
to the next one.

The progress is read from the consents themselves (`checked_at` since the start of the batch), so that a killed process
loses only the requests in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.clock_skew import CLOCKS_DIFFER
from alertadmin.registry.consent.checks import check_consents, required_pairs
from alertadmin.registry.consent.consent_client import ConsentTarget
from alertadmin.registry.models import AppRegistration, ConsentCheckBatch
from alertadmin.stored_values import shifted

SLICE = timedelta(seconds=45)
"""Far less than Celery's time limit, at which the process would be killed. A slice ends later than this by the requests
in flight: at most three times the ten seconds of `tokens.acquire`, for an authority that never answers."""
LEASE = timedelta(seconds=90)
LEASE_RENEWAL_INTERVAL = timedelta(seconds=2)
"""A stopped batch is noticed at the next renewal."""
RETENTION = timedelta(days=90)
MIN_INTERVAL = timedelta(hours=20)
"""Between two daily checks; less than beat's interval of a day."""


def is_due(now: datetime) -> bool:
    """Whether no check of all apps started lately. A start in the future means clock skew and is ignored."""
    return not ConsentCheckBatch.objects.filter(
        app=None, started_at__gt=now - MIN_INTERVAL, started_at__lte=now
    ).exists()


def start(app: AppRegistration | None, *, by: User | None = None, now: datetime) -> ConsentCheckBatch:
    """Start a batch for an app, or for all apps; returns the unfinished one if there is one."""
    ConsentCheckBatch.objects.filter(finished_at__lt=now - RETENTION).delete()
    slot = _slot(app)
    try:
        with transaction.atomic():
            run = ConsentCheckBatch.objects.create(app=app, by=by, started_at=now, slot=slot)
            if by is not None:
                audit.record(AuditAction.CONSENT_RUN_BEGUN, app, by=by, now=now)
            return run
    except IntegrityError:
        return ConsentCheckBatch.objects.filter(slot=slot).first() or start(app, by=by, now=now)


def stop(app: AppRegistration | None, *, now: datetime) -> None:
    """Stop the unfinished batch of an app, or of all apps. Results are kept, also those of requests in flight."""
    if run := ConsentCheckBatch.objects.filter(slot=_slot(app)).first():
        _finish(run, now, is_stopped=True)


def _slot(app: AppRegistration | None) -> str:
    return str(app.pk) if app else "all"


def continue_batch(*, is_over: Callable[[], bool] | None = None) -> bool:
    """Process one slice of the next unfinished batch, for `SLICE` or until `is_over` returns True.

    Batches that a user started come before the daily one. Returns whether work is left; False also while another
    process holds the lease.
    """
    run = _claim(timezone.now())
    if run is None:
        return False
    over = BatchDeadline(is_over or _after(SLICE))
    renewed = monotonic()
    try:
        # Results must count as checked since the start of the batch, also if it was started by a machine with a clock
        # ahead of this one.
        for _consent in check_consents(_remaining_targets(run), now=max(timezone.now(), run.started_at), is_over=over):
            if monotonic() - renewed > LEASE_RENEWAL_INTERVAL.total_seconds():
                renewed = monotonic()
                if not _set_lease(run, timezone.now() + LEASE):
                    over.was_cut_short = True
    finally:
        _set_lease(run, None)
    if not over.was_cut_short:
        _finish(run, timezone.now())
    return ConsentCheckBatch.objects.unfinished().exists()


@dataclass
class BatchDeadline:
    """A callable for `check_consents`: remembers whether it ended the slice before all checks were done."""

    is_over: Callable[[], bool]
    was_cut_short: bool = False

    def __call__(self) -> bool:
        if self.is_over():
            self.was_cut_short = True
        return self.was_cut_short


def _after(duration: timedelta) -> Callable[[], bool]:
    ends = monotonic() + duration.total_seconds()
    return lambda: monotonic() > ends


def _claim(now: datetime) -> ConsentCheckBatch | None:
    """Take the lease of the next batch: one process at a time, by a conditional UPDATE."""
    waiting = ConsentCheckBatch.objects.unfinished()
    # A lease longer than LEASE means clock skew: it is void.
    leased = Q(lease_until__gt=now, lease_until__lte=now + LEASE + CLOCKS_DIFFER)
    if waiting.filter(leased).exists():
        return None
    run = min(waiting, key=lambda run: (run.app_id is None, run.started_at), default=None)
    if run is None:
        return None
    taken = waiting.exclude(leased).filter(pk=run.pk).update(lease_until=now + LEASE)
    return run if taken else None


def _set_lease(run: ConsentCheckBatch, until: datetime | None) -> bool:
    """Renew (or with None release) the lease. False if the batch was stopped meanwhile, or deleted with its app."""
    return bool(ConsentCheckBatch.objects.unfinished().filter(pk=run.pk).update(lease_until=until))


def _remaining_targets(run: ConsentCheckBatch) -> Iterator[ConsentTarget]:
    """The targets that were not checked since the batch started."""
    latest = shifted(max(timezone.now(), run.started_at), CLOCKS_DIFFER)
    asked = run.consents().filter(checked_at__gte=run.started_at, checked_at__lte=latest)
    done = set(asked.values_list("app_id", "tenant_id", "permission"))
    apps = AppRegistration.objects.filter(pk=run.app_id).select_related("tenant") if run.app_id else None
    for pair in required_pairs(apps):
        if any((pair.app.pk, pair.tenant.pk, permission.value) not in done for permission in pair.permissions):
            yield pair


def _finish(run: ConsentCheckBatch, now: datetime, *, is_stopped: bool = False) -> None:
    found = run.counts()
    ConsentCheckBatch.objects.unfinished().filter(pk=run.pk).update(
        finished_at=now, slot=None, lease_until=None, is_stopped=is_stopped, total=found.done, granted=found.granted
    )
