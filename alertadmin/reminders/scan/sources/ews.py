"""Mailboxes of Exchange Online that still send by EWS, which is shut down on 2027-04-01."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from alertadmin.registry.models import Mailbox
from alertadmin.registry.models.mailbox import by_exchange_online_ews
from alertadmin.reminders.models import Reminder, ReminderKind, Scan
from alertadmin.reminders.policies import PlanLookup
from alertadmin.reminders.recipients import has_recipient
from alertadmin.reminders.rules import schedule
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from alertadmin.reminders.rules.thresholds import EscalatesFrom, Reached
from alertadmin.reminders.scan import clock_skew
from alertadmin.reminders.scan.insert_select import insert_from

ENDS = datetime(2027, 4, 1, tzinfo=UTC)
"""Source: Microsoft, "Deprecation of Exchange Web Services in Exchange Online"."""
COLUMNS = ("mailbox_id", "app_id", "tenant_id", "threshold", "is_escalated")


def due(now: datetime, plans: PlanLookup) -> QuerySet[Any]:
    plan = plans.text("app", "tenant")
    reminders = Reminder.objects.filter(mailbox=OuterRef("pk"), expires_at=ENDS)
    if clock_skew.any_skewed(now):
        reminders = reminders.exclude(clock_skew.clock_skewed(now, "scan"))
    late = Q(owed__lte=ESCALATE_TO_ALL_DAYS) | (Q(owed__lte=EscalatesFrom(plan)) & Exists(reminders))
    return (
        Mailbox.objects.filter(by_exchange_online_ews())
        .annotate(owed=Reached(Value(schedule.days_left(ENDS, now)), plan))
        .filter(owed__isnull=False)
        .filter(~Exists(reminders.filter(threshold__lte=OuterRef("owed"))))
        .annotate(escalated=Case(When(late, then=Value(True)), default=Value(False), output_field=BooleanField()))
        .filter(has_recipient("app", "tenant", Q(escalated=True)))
        .order_by("pk")
    )


def write(scan: Scan, found: QuerySet[Any]) -> int:
    rows = found.values_list("pk", "app_id", "tenant_id", "owed", "escalated")
    return insert_from(Reminder(scan=scan, kind=ReminderKind.EWS, expires_at=ENDS), COLUMNS, rows)
