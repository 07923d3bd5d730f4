"""The scan: finds what is owed and writes it down, all in one transaction.

It may run twice, at once, or after a month of silence: a reminder is owed once for each thing, end and threshold, and
of several missed thresholds only the nearest is told. Its queries do not grow in number with what it finds.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from alertadmin.outbox import doorbell
from alertadmin.outbox.clock import check
from alertadmin.outbox.crashpoints import crashpoint
from alertadmin.registry.models import Credential
from alertadmin.reminders import review, telling, witness
from alertadmin.reminders.audience import has_somebody
from alertadmin.reminders.calendar import corrections
from alertadmin.reminders.models import Scan
from alertadmin.reminders.scan_log import logs_scan
from alertadmin.reminders.sources import SOURCES, credentials

log = logging.getLogger(__name__)

STALE_AFTER = timedelta(hours=26)
"""Beat scans every hour; a day without a scan, and a margin, is a fault that must be seen."""

owed = credentials.owed


@logs_scan
def run(now: datetime, *, ring: bool = True) -> Scan:
    """Writes down all that is owed at `now` and who is told of it. Sends nothing: it rings for who does.

    Raises ClockIsWrong.
    """
    check(now)
    with transaction.atomic():
        copy_of = witness.copy_of(now)
        # Finished from the first: nobody sees it before the commit, and a scan that fails leaves nothing.
        scan = Scan.objects.create(started_at=now, finished_at=now)
        scan.reminders = sum(source.write(scan, now) for source in SOURCES)
        if scan.reminders:
            scan.deliveries = telling.write(scan, now)
        # After the reminders: an end that moved and is told of anew needs no correction.
        scan.deliveries += corrections.write(scan, now)
        if scan.deliveries or scan.reminders:
            scan.save(update_fields=["reminders", "deliveries"])
            if ring:
                doorbell.ring()
        if copy_of is not None:
            review.begin(scan, copy_of, now)
        transaction.on_commit(lambda: witness.remember(scan))
        crashpoint("scan-written")
    crashpoint("scan-committed")
    return scan


def catch_up(now: datetime) -> None:
    """Before anything is sent: whoever works on a database that was put back from a copy scans first, and so holds what
    is to be reviewed. Where that fails all is sent as ever: never lost goes before never twice."""
    try:
        if witness.copy_of(now) is not None:
            run(now, ring=False)
    except Exception:
        log.exception("whether the database was put back from a copy could not be told")


def last_finished() -> Scan | None:
    """The one written last, whatever the clock said then."""
    return Scan.objects.exclude(finished_at=None).order_by("-pk").first()


def is_stale(now: datetime) -> bool:
    """Whether nobody has looked for too long: reminders may be late."""
    return is_old(last_finished(), now)


def is_old(last: Scan | None, now: datetime) -> bool:
    """Whether the last scan proves nothing of today: there was none, it was long ago, or its clock ran days ahead."""
    return last is None or last.finished_at is None or not -STALE_AFTER <= last.finished_at - now <= STALE_AFTER


def owed_to_nobody(now: datetime) -> QuerySet[Credential]:
    """Those owed while there is nobody at all to be told. Told as soon as there is one."""
    return owed(now).exclude(has_somebody("app", "app__tenant", Q(escalated=True)))
