"""One run without Celery: scan, send all open deliveries, reclaim expired leases. Returns what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from uuid import UUID

from django.conf import settings

from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery
from alertadmin.outbox.queue import claims, manual_actions
from alertadmin.outbox.queue.clock import Clock, DatabaseClock
from alertadmin.outbox.queue.dispatcher import Pause
from alertadmin.registry.models import Credential
from alertadmin.reminders.models import Scan
from alertadmin.reminders.restore import review
from alertadmin.reminders.scan import scanner as scanning

POLL_INTERVAL = timedelta(seconds=0.5)
CHUNK = 500
"""Ids per query."""


@dataclass(frozen=True)
class RunResult:
    scan: Scan
    scanned: int
    """Number of watched credentials."""
    without_recipients: int
    reclaimed: int
    """Deliveries of lost workers that were returned to the queue."""
    held_for_review: int
    """Deliveries held for review because the database was restored."""
    ids: tuple[UUID, ...]
    """Deliveries that were open after the scan, the most urgent first."""

    def deliveries(self) -> Iterator[Delivery]:
        """Their present state, even if another process sent them."""
        for start in range(0, len(self.ids), CHUNK):
            some = self.ids[start : start + CHUNK]
            yield from (
                Delivery.objects.filter(pk__in=some).defer("text", "html", "attachments").order_by("urgency", "id")
            )


def run_once(*, clock: Clock | None = None, pause: Pause = worker.sleep) -> RunResult:
    """Send all that waits, except where a server asked to wait. Waits for the mailboxes' rate limit (30 messages a
    minute), and for deliveries that another process is sending.

    It also waits for the leases of lost workers to expire.
    """
    clock = clock or DatabaseClock()
    # No worker is woken: this process sends.
    scan = scanning.run(clock(), ring=False)
    reclaimed = claims.reclaim_expired_leases(clock())
    manual_actions.expedite_reminders(clock())
    ids = tuple(claims.open_deliveries().order_by("urgency", "id").values_list("pk", flat=True))
    patience = monotonic() + 2 * settings.OUTBOX_LEASE.total_seconds()
    while True:
        worker.deliver_due(clock=clock, pause=pause)
        if not claims.being_sent().exists() or monotonic() > patience:
            break
        pause(POLL_INTERVAL)
        reclaimed += claims.reclaim_expired_leases(clock())
    return RunResult(
        scan,
        scanned=Credential.objects.watched().count(),
        without_recipients=scanning.without_recipients(clock()).count(),
        reclaimed=reclaimed,
        held_for_review=review.awaiting_review(clock()).count(),
        ids=ids,
    )
