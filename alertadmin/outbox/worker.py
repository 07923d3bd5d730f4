"""Deliver what is due. Called by the Celery task (on wake-up and by beat) and by the management commands."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from alertadmin.outbox.delivery import reconcile
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Delivery
from alertadmin.outbox.queue import claims, wakeup
from alertadmin.outbox.queue.clock import Clock, ClockIsWrong, DatabaseClock, check
from alertadmin.outbox.queue.dispatcher import Dispatcher, Pause
from alertadmin.outbox.queue.run_locks import DispatchLock, LeaseHeartbeat

log = logging.getLogger(__name__)

MAX_RUN_TIME = timedelta(minutes=5)
"""After this time a run ends and requests the next. Celery's time limit, which kills the process, is longer."""
LOCK_RETRY_PAUSE = timedelta(seconds=0.5)
_catch_up_steps: list[Callable[[datetime], None]] = []
SHARED_RATE_LIMITER = RateLimiter()
"""Shared by all runs of this process."""


def register_catch_up(step: Callable[[datetime], None]) -> None:
    """Register a step to run before sending; so the outbox need not import the scans."""
    _catch_up_steps.append(step)


def sleep(duration: timedelta) -> None:
    time.sleep(duration.total_seconds())


def deliver_due(
    *,
    clock: Clock | None = None,
    rate_limiter: RateLimiter | None = None,
    only: UUID | None = None,
    stopping: Callable[[], bool] = lambda: False,
    pause: Pause | None = None,
) -> Counter[str]:
    """Reclaim expired leases, then send until nothing is due or `stopping` (checked before each delivery) returns True.
    Return how many deliveries were left in which state.

    With `pause` the run waits for the mailboxes' rate limit (30 messages a minute) and for a run in another process.
    Without, it leaves the rest to that run or to beat. Nothing is sent while the clock is wrong.
    """
    clock = clock or DatabaseClock()
    try:
        check(clock())
    except ClockIsWrong as error:
        log.error("%s", error)
        return Counter()
    claims.reclaim_expired_leases(clock())
    if only is None:
        for step in _catch_up_steps:
            step(clock())
    outcomes: Counter[str] = Counter()
    ends = time.monotonic() + MAX_RUN_TIME.total_seconds()
    while True:
        with DispatchLock() as dispatch_lock, LeaseHeartbeat(clock, dispatch_lock) as heartbeat:
            run = Dispatcher(clock, rate_limiter or SHARED_RATE_LIMITER, heartbeat, stopping=stopping, pause=pause)
            run.only, run.may_remind = only, dispatch_lock.is_ours or only is not None
            run.ends = None if pause else ends
            outcomes.update(run.run())
            if dispatch_lock.is_ours:
                reconcile.delete_orphan_drafts(clock())
        if run.was_cut_short:
            wakeup.notify_worker()
        if dispatch_lock.is_ours or pause is None or not claims.due(clock()).exists():
            return outcomes
        pause(LOCK_RETRY_PAUSE)


def deliver_immediately(write: Callable[[], Delivery], *, clock: Clock | None = None) -> Delivery:
    """Write a delivery and claim it in one transaction, so that no other process claims it first; then send it."""
    clock = clock or DatabaseClock()
    with transaction.atomic():
        delivery = write()
        [claimed] = claims.claim(max(clock(), delivery.not_before), limit=1, only=delivery.pk)
    with LeaseHeartbeat(clock) as heartbeat:
        Dispatcher(clock, SHARED_RATE_LIMITER, heartbeat, stopping=lambda: False, pause=None).send(claimed)
    delivery.refresh_from_db()
    return delivery
