"""Checks of very many consents, in slices: each ends in time, stores what it found, and leaves the rest to the next.

How far a run has come is read from the consents themselves (checked since it began?), so that whoever is killed loses
nothing but what was just being asked.
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

SLICE = timedelta(seconds=45)
"""Far less than Celery's time limit, at which a process is killed in the middle. It ends later by what is being asked:
an authority that never answers is given up after three times `tokens.acquire`'s ten seconds."""
LEASE = timedelta(seconds=90)
RENEWED_EACH = timedelta(seconds=2)
"""So soon it also notices that somebody has stopped it."""
KEPT = timedelta(days=90)
EVERY = timedelta(hours=20)
"""Less than the day after which beat asks for the next one."""


def is_due(now: datetime) -> bool:
    """Whether no check of all began lately. One that began in the future was dated by a clock that was wrong."""
    return not ConsentCheckBatch.objects.filter(app=None, started_at__gt=now - EVERY, started_at__lte=now).exists()


def begin(app: AppRegistration | None, *, by: User | None = None, now: datetime) -> ConsentCheckBatch:
    """Of an app, or of all; the one that is under way, if there is one."""
    ConsentCheckBatch.objects.filter(finished_at__lt=now - KEPT).delete()
    slot = _slot(app)
    try:
        with transaction.atomic():
            run = ConsentCheckBatch.objects.create(app=app, by=by, started_at=now, slot=slot)
            if by is not None:
                audit.record(AuditAction.CONSENT_RUN_BEGUN, app, by=by, now=now)
            return run
    except IntegrityError:
        return ConsentCheckBatch.objects.filter(slot=slot).first() or begin(app, by=by, now=now)


def stop(app: AppRegistration | None, *, now: datetime) -> None:
    """Ends the one of an app, or of all, that is under way. What was found stays; who is being asked is still heard."""
    if run := ConsentCheckBatch.objects.filter(slot=_slot(app)).first():
        _finish(run, now, is_stopped=True)


def _slot(app: AppRegistration | None) -> str:
    return str(app.pk) if app else "all"


def continue_batch(*, is_over: Callable[[], bool] | None = None) -> bool:
    """Works on the run that waits, one that somebody asked for first, for a `SLICE` or until `is_over` says so.

    Returns whether more is left to do; False also while another process is at it.
    """
    run = _claim(timezone.now())
    if run is None:
        return False
    over = BatchOver(is_over or _after(SLICE))
    renewed = monotonic()
    try:
        # What is asked now counts as asked since the run began, though another machine's clock is ahead of ours.
        for _consent in check_consents(_left(run), now=max(timezone.now(), run.started_at), is_over=over):
            if monotonic() - renewed > RENEWED_EACH.total_seconds():
                renewed = monotonic()
                if not _hold(run, timezone.now() + LEASE):
                    over.was_cut_short = True
    finally:
        _hold(run, None)
    if not over.was_cut_short:
        _finish(run, timezone.now())
    return ConsentCheckBatch.objects.unfinished().exists()


@dataclass
class BatchOver:
    """Asked before each check that is still to come."""

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
    """One process at a time: of two that look at the same moment, one wins."""
    waiting = ConsentCheckBatch.objects.unfinished()
    # A lease that lasts longer than any was written by a clock that ran ahead: it is void.
    held = Q(lease_until__gt=now, lease_until__lte=now + LEASE + CLOCKS_DIFFER)
    if waiting.filter(held).exists():
        return None
    run = min(waiting, key=lambda run: (run.app_id is None, run.started_at), default=None)
    if run is None:
        return None
    taken = waiting.exclude(held).filter(pk=run.pk).update(lease_until=now + LEASE)
    return run if taken else None


def _hold(run: ConsentCheckBatch, until: datetime | None) -> bool:
    """False if it was stopped meanwhile, or deleted with its app."""
    return bool(ConsentCheckBatch.objects.unfinished().filter(pk=run.pk).update(lease_until=until))


def _left(run: ConsentCheckBatch) -> Iterator[ConsentTarget]:
    """What was not asked since it began."""
    latest = max(timezone.now(), run.started_at) + CLOCKS_DIFFER
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
