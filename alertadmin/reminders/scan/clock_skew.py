"""Ignore reminders written more than 10 days in the future (clock skew)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from alertadmin.reminders.models import Scan

TOLERANCE = timedelta(days=10)
"""A reminder sent up to this much early still counts."""


def clock_skewed(now: datetime, scan: str) -> Q:
    """Filter for a query; `scan` is the path to the scan."""
    return Q(**{f"{scan}__started_at__gt": now + TOLERANCE})


def any_skewed(now: datetime) -> bool:
    far = now + TOLERANCE
    return Scan.objects.filter(Q(finished_at__gt=far) | Q(finished_at=None, started_at__gt=far)).exists()
