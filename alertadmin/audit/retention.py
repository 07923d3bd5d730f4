"""Retention: delete old entries, after appending an entry with number and digest of the last deleted one.

That entry is part of the chain, so verification can start at the first remaining entry: a later entry confirms the
number and digest of its predecessor.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from django.db import connection, transaction

from alertadmin.audit.actions import AuditAction
from alertadmin.audit.log import record
from alertadmin.audit.models import AuditEntry
from alertadmin.audit.triggers import TABLE
from alertadmin.clock_skew import is_ahead

BATCH = 5_000


def prune(keep: timedelta, now: datetime) -> int:
    """Delete entries up to the last one older than `keep`. Returns their number. One transaction per batch, so that
    writers wait only briefly."""
    deleted = 0
    while (some := _prune_some(now - keep, now)) > 0:
        deleted += some
    return deleted


def _first_young(times: list[datetime], before: datetime, now: datetime) -> int:
    """Index of the first entry to keep. An entry dated in the future counts as old as those after it. No I/O."""
    true = [(position, at) for position, at in enumerate(times) if not is_ahead(at, now)]
    old = [position for position, at in itertools.takewhile(lambda one: one[1] < before, true)]
    return old[-1] + 1 if old else 0


@transaction.atomic
def _prune_some(before: datetime, now: datetime) -> int:
    """Only a prefix without younger entries is deleted, so that the rest stays one chain."""
    oldest = list(AuditEntry.objects.order_by("number").values_list("number", "digest", "at")[:BATCH])
    young = _first_young([at for _number, _digest, at in oldest], before, now)
    if young == 0:
        return 0
    number, digest, _at = oldest[young - 1]
    record(AuditAction.AUDIT_PRUNED, through=number, digest=digest, count=young, now=now)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT alertadmin_prune_audit(%s)", [number])
        else:
            cursor.execute(f"DELETE FROM {TABLE} WHERE number <= %s", [number])  # noqa: S608  # nosec B608
    return young
