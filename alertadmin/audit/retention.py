"""Retention: old entries go, and an entry says so, with the digest of the last that went: the anchor of what stays.

That entry is part of the chain itself. Verification begins at the first entry that is left and believes that those
before it were there, and were that many, because a later entry vouches for their end.
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
    """Deletes the entries from the first up to the last that is older; returns how many. One transaction for a batch,
    so that whoever records waits for little."""
    gone = 0
    while (some := _prune_some(now - keep, now)) > 0:
        gone += some
    return gone


def _first_young(times: list[datetime], before: datetime, now: datetime) -> int:
    """The place of the first entry that stays. One dated in the future is as old as those after it. Pure."""
    true = [(place, at) for place, at in enumerate(times) if not is_ahead(at, now)]
    old = [place for place, at in itertools.takewhile(lambda one: one[1] < before, true)]
    return old[-1] + 1 if old else 0


@transaction.atomic
def _prune_some(before: datetime, now: datetime) -> int:
    """Only those from the first on without a younger one between them: what stays must be one chain."""
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
