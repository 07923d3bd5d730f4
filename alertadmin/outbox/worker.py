"""Delivers what is due. The same function serves Celery's doorbell, beat's clock, and the commands without either."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from alertadmin.outbox.delivery import draft_cleanup
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Delivery
from alertadmin.outbox.queue import claims, wakeup
from alertadmin.outbox.queue.clock import Clock, ClockIsWrong, DatabaseClock, check
from alertadmin.outbox.queue.dispatch_lock import DispatchLock
from alertadmin.outbox.queue.dispatcher import Dispatcher, Pause
from alertadmin.outbox.queue.lease_heartbeat import LeaseHeartbeat

log = logging.getLogger(__name__)

LONGEST_RUN = timedelta(minutes=5)
"""Then a run ends and rings for the next: Celery's time limit, at which a process is killed in the middle, is later."""
UNTIL_ASKED_AGAIN = timedelta(seconds=0.5)
_first: list[Callable[[datetime], None]] = []
SHARED_PACE = RateLimiter()
"""Of all runs of this process."""


def register_catch_up(step: Callable[[datetime], None]) -> None:
    """Registers what is done before anything is sent: the outbox itself knows no scans."""
    _first.append(step)


def sleep(duration: timedelta) -> None:
    time.sleep(duration.total_seconds())


def deliver_due(
    *,
    clock: Clock | None = None,
    pace: RateLimiter | None = None,
    only: UUID | None = None,
    stopping: Callable[[], bool] = lambda: False,
    pause: Pause | None = None,
) -> Counter[str]:
    """Sweeps, then sends until nothing is due or, asked before each delivery, `stopping` says so. Returns how many
    deliveries were left in which state.

    With `pause` it is patient: it waits where every mailbox has sent its 30 messages of this minute, and for a run in
    another process. Without, it leaves the rest to that run, or to the clock. By a clock that cannot be right nothing
    is sent.
    """
    clock = clock or DatabaseClock()
    try:
        check(clock())
    except ClockIsWrong as error:
        log.error("%s", error)
        return Counter()
    claims.sweep(clock())
    if only is None:
        for step in _first:
            step(clock())
    outcomes: Counter[str] = Counter()
    ends = time.monotonic() + LONGEST_RUN.total_seconds()
    while True:
        with DispatchLock() as turn, LeaseHeartbeat(clock, turn) as keeper:
            run = Dispatcher(clock, pace or SHARED_PACE, keeper, stopping=stopping, pause=pause)
            run.only, run.may_remind = only, turn.is_ours or only is not None
            run.ends = None if pause else ends
            outcomes.update(run.run())
            if turn.is_ours:
                draft_cleanup.delete_orphan_drafts(clock())
        if run.was_cut_short:
            wakeup.notify_worker()
        if turn.is_ours or pause is None or not claims.due(clock()).exists():
            return outcomes
        pause(UNTIL_ASKED_AGAIN)


def deliver_as_written(write: Callable[[], Delivery], *, clock: Clock | None = None) -> Delivery:
    """Writes a delivery and claims it in one transaction, so that no other process takes it first, and sends it."""
    clock = clock or DatabaseClock()
    with transaction.atomic():
        delivery = write()
        [claimed] = claims.claim(max(clock(), delivery.not_before), limit=1, only=delivery.pk)
    with LeaseHeartbeat(clock) as keeper:
        Dispatcher(clock, SHARED_PACE, keeper, stopping=lambda: False, pause=None).send(claimed)
    delivery.refresh_from_db()
    return delivery
