"""Delivers what is due. The same function serves Celery's doorbell, beat's clock, and the commands without either."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from uuid import UUID

from django.db import connection
from django.utils import timezone

from alertadmin.outbox import claims, sentences
from alertadmin.outbox.chain import Chain
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.pace import Pace
from alertadmin.outbox.sending import Clock, deliver

log = logging.getLogger(__name__)

BATCH = 20
"""Claimed at once. Small enough that the last of them begins well within its lease."""
AT_ONCE = 4
"""Microsoft Graph takes four requests of one app at a time."""
POISON_WAIT = timedelta(hours=1)


def deliver_due(*, clock: Clock = timezone.now, pace: Pace | None = None, only: UUID | None = None) -> Counter[str]:
    """Sweeps, then sends until nothing is due. Returns how many deliveries were left in which state."""
    claims.sweep(clock())
    pace = pace or Pace()
    outcomes: Counter[str] = Counter()
    while batch := claims.claim(clock(), limit=BATCH, only=only):
        chain = Chain.for_reminders(clock())
        outcomes.update(_deliver_batch(batch, chain, pace, clock))
    return outcomes


def _deliver_batch(batch: list[Delivery], chain: Chain, pace: Pace, clock: Clock) -> list[str]:
    send = partial(_deliver_safely, chain=chain, pace=pace, clock=clock)
    if len(batch) == 1:
        return [send(batch[0])]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliver") as pool:
        outcomes = list(pool.map(send, batch))
        # Each of the four waits for the others, so that no thread closes twice in another's place.
        together = Barrier(AT_ONCE)
        for closing in [pool.submit(_close_own_connection, together) for _thread in range(AT_ONCE)]:
            closing.result()
    return outcomes


def _close_own_connection(together: Barrier) -> None:
    together.wait()
    connection.close()


def _deliver_safely(delivery: Delivery, *, chain: Chain, pace: Pace, clock: Clock) -> str:
    """A row that cannot be worded is set aside for an hour with the reason; the others go on."""
    try:
        return deliver(delivery, chain=chain, pace=pace, clock=clock)
    except Exception as error:
        log.error("delivery %s raised %s; it waits an hour", delivery.pk, type(error).__name__)
        now = clock()
        reason = sentences.NOT_PREPARED % {"error": type(error).__name__}
        claims.release(delivery, now, not_before=now + POISON_WAIT, cause="other", reason=reason)
        return DeliveryState.PENDING
