"""A round without Celery: scan, send all that is open, sweep; and what became of each delivery."""

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

HALF_A_SECOND = timedelta(seconds=0.5)
AT_ONCE = 500
"""Ids in one question to the database."""


@dataclass(frozen=True)
class RunResult:
    scan: Scan
    scanned: int
    """Credentials that are watched."""
    owed_to_nobody: int
    swept: int
    """Deliveries taken back from workers that were lost."""
    held_for_review: int
    """Deliveries that wait because the database was put back from a copy (review)."""
    ids: tuple[UUID, ...]
    """Deliveries that were open after the scan, the most urgent first."""

    def deliveries(self) -> Iterator[Delivery]:
        """As they are now, whoever sent them."""
        for start in range(0, len(self.ids), AT_ONCE):
            some = self.ids[start : start + AT_ONCE]
            yield from (
                Delivery.objects.filter(pk__in=some).defer("text", "html", "attachments").order_by("urgency", "id")
            )


def run_once(*, clock: Clock | None = None, pause: Pause = worker.sleep) -> RunResult:
    """Sends whatever waits, however long it was to wait, but for a server that asked us to; waits itself where every
    mailbox has sent its 30 messages of this minute, and for what another process is just sending.

    What a lost worker holds is waited for too, until its lease ends.
    """
    clock = clock or DatabaseClock()
    # Nobody is rung for: we send it all ourselves.
    scan = scanning.run(clock(), ring=False)
    swept = claims.sweep(clock())
    manual_actions.expedite_reminders(clock())
    ids = tuple(claims.open_deliveries().order_by("urgency", "id").values_list("pk", flat=True))
    patience = monotonic() + 2 * settings.OUTBOX_LEASE.total_seconds()
    while True:
        worker.deliver_due(clock=clock, pause=pause)
        if not claims.being_sent().exists() or monotonic() > patience:
            break
        pause(HALF_A_SECOND)
        swept += claims.sweep(clock())
    return RunResult(
        scan,
        scanned=Credential.objects.watched().count(),
        owed_to_nobody=scanning.without_recipients(clock()).count(),
        swept=swept,
        held_for_review=review.held(clock()).count(),
        ids=ids,
    )
