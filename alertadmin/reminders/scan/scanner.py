"""The scan: find the reminders that are due, and write them.

It may run twice, concurrently, or after a month's pause: there is one reminder for each object, expiry and threshold,
and of several missed thresholds only the nearest is sent. Its number of queries does not grow with its results.

The query takes no lock. A small result is written in one transaction, a large one in parts, the nearest expiry first,
so that no other process waits long for the database. Each part checks again which of its rows are still due. If a scan
is killed between two parts, the next one writes the rest; only a completed scan has `finished_at`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Max, Q, QuerySet

from alertadmin.outbox.queue import wakeup
from alertadmin.outbox.queue.clock import check
from alertadmin.outbox.queue.failpoints import failpoint
from alertadmin.registry.models import Credential
from alertadmin.reminders.calendar import corrections
from alertadmin.reminders.models import Reminder, Scan
from alertadmin.reminders.policies import PlanLookup
from alertadmin.reminders.recipients import has_recipient
from alertadmin.reminders.restore import detection, review
from alertadmin.reminders.scan import fan_out
from alertadmin.reminders.scan.batching import BatchPart
from alertadmin.reminders.scan.scan_log import logs_scan
from alertadmin.reminders.scan.sources import SOURCES, ScanSource, credentials

log = logging.getLogger(__name__)

STALE_AFTER = timedelta(hours=26)
"""Beat scans every hour; a day without a scan, plus a margin, is reported as a problem."""
FIRST_PART = 500
"""Objects in a scan's first part; the size of further parts follows from how long the one before took."""
MIN_PART, MAX_PART = 20, 2000
TARGET_SECONDS = 0.3
"""Target duration of one part, in seconds. With SQLite a part holds the only write lock, for two seconds at most."""

owed = credentials.owed
Due = tuple[ScanSource, QuerySet[Any], list[Any]]
"""Some of what is due: its source, the query, and the ids."""


@logs_scan
def run(now: datetime, *, ring: bool = True) -> Scan:
    """Write all reminders due at `now`, and their deliveries. Sends nothing: it wakes the worker if `ring`.

    Raises ClockIsWrong.
    """
    check(now)
    copy_of = detection.restored_from(now)
    due = _due(now)
    wrong = corrections.parts()
    in_parts = sum(len(keys) for *_, keys in due) > FIRST_PART or len(wrong) > 1
    with nullcontext() if in_parts else transaction.atomic():
        # In a single transaction it can be marked as finished first: it is invisible before the commit.
        scan = Scan.objects.create(started_at=now, finished_at=None if in_parts else now)
        for number, part in enumerate(_parts(due)):
            with transaction.atomic(savepoint=False):
                _write(scan, number, part, now)
                if in_parts and copy_of is not None:
                    review.hold(now)
            if in_parts:
                failpoint("scan-part-committed")
        # After the reminders: an expiry that moved and has a new reminder needs no correction.
        for keys in wrong:
            with transaction.atomic(savepoint=False):
                scan.deliveries += corrections.write(scan, keys, now)
                scan.save(update_fields=["deliveries"])
                if in_parts and copy_of is not None:
                    review.hold(now)
        with transaction.atomic(savepoint=False):
            _finish(scan, copy_of, now, ring=ring)
        failpoint("scan-written")
    failpoint("scan-committed")
    return scan


def _due(now: datetime) -> list[Due]:
    plans = PlanLookup()
    found = [(source, source.due(now, plans)) for source in SOURCES]
    return [(source, rows, keys) for source, rows in found if (keys := list(rows.values_list("pk", flat=True)))]


def _parts(due: Sequence[Due]) -> Iterator[list[Due]]:
    """Yield parts. The caller writes each part before it requests the next, whose size depends on the time taken."""
    size = FIRST_PART
    rest = list(due)
    while rest:
        part, room = [], size
        while rest and room:
            source, rows, keys = rest.pop(0)
            part.append((source, rows, keys[:room]))
            if keys[room:]:
                rest.insert(0, (source, rows, keys[room:]))
            room -= len(part[-1][2])
        began = monotonic()
        yield part
        size = _next_size(size, monotonic() - began)


def _next_size(size: int, seconds: float) -> int:
    fitting = int(size * TARGET_SECONDS / max(seconds, 0.001))
    return max(MIN_PART, min(fitting, 2 * size, MAX_PART))


def _write(scan: Scan, number: int, part: list[Due], now: datetime) -> None:
    after = Reminder.objects.filter(scan=scan).aggregate(last=Max("pk"))["last"] or 0
    found = sum(_insert(scan, source, rows, keys) for source, rows, keys in part)
    if found:
        scan.reminders += found
        scan.deliveries += fan_out.fan_out(BatchPart(scan, number, after), now)
        scan.save(update_fields=["reminders", "deliveries"])


def _insert(scan: Scan, source: ScanSource, rows: QuerySet[Any], keys: list[Any]) -> int:
    """Write the rows; on an error, bisect, so that only the row that causes it is skipped and logged."""
    try:
        with transaction.atomic():
            return source.write(scan, rows.filter(pk__in=keys))
    except OperationalError:
        # Not caused by a row: the disk is full, the database is gone, or it was locked for too long.
        raise
    except Exception as error:
        if len(keys) == 1:
            # Only the type: a database error's text may quote a row.
            named = (rows.model._meta.verbose_name, keys[0], type(error).__name__)
            log.error("%s %s cannot be reminded of (%s), and is left out of the scan", *named)
            scan.left_out.append(f"{rows.model._meta.label_lower}:{keys[0]}")
            return 0
        middle = len(keys) // 2
        return sum(_insert(scan, source, rows, half) for half in (keys[:middle], keys[middle:]))


def _finish(scan: Scan, copy_of: datetime | None, now: datetime, *, ring: bool) -> None:
    if scan.finished_at is None:
        fan_out.release(scan, now)
        scan.finished_at = now
        scan.save(update_fields=["finished_at"])
    if scan.left_out:
        scan.save(update_fields=["left_out"])
    if copy_of is not None:
        review.begin(scan, copy_of, now)
    if (scan.deliveries or scan.reminders) and ring:
        wakeup.notify_worker()
    transaction.on_commit(lambda: detection.record_scan(scan))


def catch_up(now: datetime) -> None:
    """Run before anything is sent: on a restored database scan first, to hold the deliveries to be reviewed. If that
    fails, everything is sent as usual: not losing a reminder outweighs not sending it twice."""
    try:
        if detection.restored_from(now) is not None:
            run(now, ring=False)
    except Exception:
        log.exception("could not determine whether the database was restored from a copy")


def last_finished() -> Scan | None:
    """The scan written last, regardless of the clock at that time."""
    return Scan.objects.exclude(finished_at=None).order_by("-pk").first()


def is_stale(now: datetime) -> bool:
    """Whether the last scan is too old: reminders may be late."""
    return is_old(last_finished(), now)


def is_old(last: Scan | None, now: datetime) -> bool:
    """Whether the last scan is outdated: there was none, it was long ago, or its clock was days ahead."""
    return last is None or last.finished_at is None or not -STALE_AFTER <= last.finished_at - now <= STALE_AFTER


def without_recipients(now: datetime) -> QuerySet[Credential]:
    """Credentials with a due reminder and no recipient. It is sent as soon as there is one."""
    return owed(now).exclude(has_recipient("app", "app__tenant", Q(escalated=True)))
