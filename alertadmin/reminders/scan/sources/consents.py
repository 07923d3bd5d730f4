"""Consents that were granted and are revoked. One reminder for each revocation, at once, to all recipients."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet, Value

from alertadmin.registry.models import ConsentChange, ConsentStatus
from alertadmin.reminders.models import Reminder, ReminderKind, Scan
from alertadmin.reminders.policies import PlanLookup
from alertadmin.reminders.recipients import ALWAYS, has_recipient
from alertadmin.reminders.scan.insert_select import insert_from

COLUMNS = ("consent_change_id", "app_id", "tenant_id", "expires_at", "threshold", "is_escalated")
REPORT_WITHIN = timedelta(days=30)
"""A revocation that found no recipient for this long is no longer reported by mail; the pages show it."""


def due(now: datetime, _plans: PlanLookup) -> QuerySet[Any]:
    told_to = has_recipient("app", "tenant", ALWAYS)
    return (
        ConsentChange.objects.filter(
            before=ConsentStatus.GRANTED,
            after=ConsentStatus.NOT_IN_TOKEN,
            at__gt=now - REPORT_WITHIN,
            consent__status=F("after"),
            reminders=None,
        )
        .filter(told_to)
        .order_by("at")
    )


def write(scan: Scan, found: QuerySet[Any]) -> int:
    rows = found.values_list("pk", "app_id", "tenant_id", "at", Value(0), Value(True))
    return insert_from(Reminder(scan=scan, kind=ReminderKind.CONSENT), COLUMNS, rows)
