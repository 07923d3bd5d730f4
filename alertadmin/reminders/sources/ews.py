"""Mailboxes of Exchange Online that still send by EWS, which ends for good on 2027-04-01."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import Transport
from alertadmin.reminders import ahead, policies, rules
from alertadmin.reminders.audience import ALWAYS, NEVER, has_somebody
from alertadmin.reminders.bulk import insert_from
from alertadmin.reminders.models import Kind, Reminder, Scan
from alertadmin.reminders.plan import EVERYBODY

ENDS = datetime(2027, 4, 1, tzinfo=UTC)
"""Source: Microsoft, "Deprecation of Exchange Web Services in Exchange Online"."""
COLUMNS = ("mailbox_id", "app_id", "tenant_id", "threshold", "is_escalated")


def write(scan: Scan, now: datetime) -> int:
    """One query for each plan in force: the end is the same for all of them."""
    plans = policies.plans()
    mailboxes: QuerySet[Any] = Mailbox.objects.filter(still_by_ews())
    if len(plans) > 1:
        mailboxes = mailboxes.annotate(plan=policies.plan_text("app", "tenant"))
    true = ~ahead.was_ahead(now, "scan") if ahead.ever(now) else Q()
    written = 0
    for plan in plans:
        threshold = rules.owed(ENDS, now, plan)
        if threshold is None:
            continue
        told = Reminder.objects.filter(true, mailbox=OuterRef("pk"), expires_at=ENDS)
        late = Q(Exists(told)) if threshold <= plan.escalate else NEVER
        escalated = ALWAYS if threshold <= EVERYBODY else late
        found = mailboxes.filter(~Exists(told.filter(threshold__lte=threshold)))
        found = found.filter(has_somebody("app", "tenant", escalated)).annotate(escalated=_as_value(escalated))
        if len(plans) > 1:
            found = found.filter(plan=str(plan))
        rows = found.values_list("pk", "app_id", "tenant_id", Value(threshold), "escalated")
        written += insert_from(Reminder(scan=scan, kind=Kind.EWS, expires_at=ENDS), COLUMNS, rows)
    return written


def _as_value(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def still_by_ews() -> Q:
    return Q(transport=Transport.EWS, server="")
