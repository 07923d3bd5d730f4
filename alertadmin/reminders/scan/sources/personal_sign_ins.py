"""Sign-ins of personal accounts that are about to expire, or are lost. A sign-in that is used does not expire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from alertadmin.registry.models import Mailbox
from alertadmin.reminders.models import Reminder, ReminderKind, Scan
from alertadmin.reminders.policies import PlanLookup
from alertadmin.reminders.recipients import has_recipient
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from alertadmin.reminders.rules.thresholds import DaysLeft, EscalatesFrom, Reached
from alertadmin.reminders.scan.insert_select import insert_from

COLUMNS = ("mailbox_id", "app_id", "tenant_id", "expires_at", "threshold", "is_escalated")
MONTH = 30
"""Days. Each use extends the sign-in to 90 days, and it is used monthly, so it comes this near only if that fails."""


def due(now: datetime, plans: PlanLookup) -> QuerySet[Any]:
    plan = plans.text("app", "tenant")
    reminders = Reminder.objects.filter(mailbox=OuterRef("pk"), expires_at=OuterRef("sign_in_ends_at"))
    late = Q(owed__lte=ESCALATE_TO_ALL_DAYS) | (Q(owed__lte=EscalatesFrom(plan)) & Exists(reminders))
    return (
        Mailbox.objects.filter(is_personal=True, sign_in_ends_at__lte=now + timedelta(days=MONTH))
        .annotate(owed=Reached(DaysLeft("sign_in_ends_at", now), plan, at_most=MONTH))
        .filter(owed__isnull=False)
        .filter(~Exists(reminders.filter(threshold__lte=OuterRef("owed"))))
        .annotate(escalated=Case(When(late, then=Value(True)), default=Value(False), output_field=BooleanField()))
        .filter(has_recipient("app", "tenant", Q(escalated=True)))
        .order_by("sign_in_ends_at")
    )


def write(scan: Scan, found: QuerySet[Any]) -> int:
    rows = found.values_list("pk", "app_id", "tenant_id", "sign_in_ends_at", "owed", "escalated")
    return insert_from(Reminder(scan=scan, kind=ReminderKind.SIGN_IN), COLUMNS, rows)
