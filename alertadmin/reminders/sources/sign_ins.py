"""Sign-ins of personal accounts that lapse, or are gone. Those that are used in time never come near their end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Case, Exists, Min, OuterRef, Q, QuerySet, Value, When

from alertadmin.registry.models import Mailbox
from alertadmin.registry.steps import Steps
from alertadmin.reminders import policies, rules
from alertadmin.reminders.audience import has_somebody
from alertadmin.reminders.bulk import insert_from
from alertadmin.reminders.models import Kind, Reminder, Scan
from alertadmin.reminders.plan import EVERYBODY, Plan

COLUMNS = ("mailbox_id", "app_id", "tenant_id", "expires_at", "threshold", "is_escalated")
MONTH = 30
"""Days: each use makes 90 of them, and one comes each month. What is farther away than this ends only if all fails."""


def write(scan: Scan, now: datetime) -> int:
    """One query for each plan in force."""
    signed_in: QuerySet[Any] = Mailbox.objects.filter(is_personal=True, sign_in_ends_at__isnull=False)
    oldest = signed_in.aggregate(oldest=Min("sign_in_ends_at"))["oldest"]
    if oldest is None:
        return 0
    plans = policies.plans()
    if len(plans) > 1:
        signed_in = signed_in.annotate(plan=policies.plan_text("app", "tenant"))
    written = 0
    for plan in plans:
        found = signed_in.filter(plan=str(plan)) if len(plans) > 1 else signed_in
        written += _write(scan, found, shortened(plan), now, oldest)
    return written


def _write(scan: Scan, found: QuerySet[Any], plan: Plan, now: datetime, oldest: datetime) -> int:
    marks = rules.marks(now, oldest, plan)
    steps = Steps("sign_in_ends_at", [(mark.cutoff, mark.threshold) for mark in marks])
    told = Reminder.objects.filter(mailbox=OuterRef("pk"), expires_at=OuterRef("sign_in_ends_at"))
    late = Q(owed__lte=EVERYBODY) | (Q(owed__lte=plan.escalate) & Exists(told))
    untold = (
        found.filter(sign_in_ends_at__lte=marks[-1].cutoff)
        .annotate(owed=steps)
        .filter(~Exists(told.filter(threshold__lte=OuterRef("owed"))))
        .annotate(escalated=Case(When(late, then=Value(True)), default=Value(False), output_field=BooleanField()))
    )
    heard = untold.filter(has_somebody("app", "tenant", Q(escalated=True)))
    rows = heard.values_list("pk", "app_id", "tenant_id", "sign_in_ends_at", "owed", "escalated")
    return insert_from(Reminder(scan=scan, kind=Kind.SIGN_IN), COLUMNS, rows)


def shortened(plan: Plan) -> Plan:
    """Without what is more than a month before the end."""
    near = tuple(days for days in plan.thresholds if days <= MONTH)
    return Plan(near or (MONTH,), plan.repeat, plan.escalate)
