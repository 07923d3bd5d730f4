"""What was told by a clock that ran days ahead was told of another day: it does not count as told."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from alertadmin.reminders.models import Scan

BEARABLE = timedelta(days=10)
"""A reminder that came some days early came."""


def clock_skewed(now: datetime, scan: str) -> Q:
    """For a query; `scan` is the path to it."""
    return Q(**{f"{scan}__started_at__gt": now + BEARABLE})


def ever(now: datetime) -> bool:
    far = now + BEARABLE
    return Scan.objects.filter(Q(finished_at__gt=far) | Q(finished_at=None, started_at__gt=far)).exists()
