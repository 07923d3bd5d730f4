"""Mailboxes of Exchange Online that still send by EWS, which ends for good on 2027-04-01."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Value

from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import Transport
from alertadmin.reminders import policies, rules
from alertadmin.reminders.audience import has_somebody
from alertadmin.reminders.bulk import insert_from
from alertadmin.reminders.models import Kind, Reminder, Scan
from alertadmin.reminders.plan import EVERYBODY

ENDS = datetime(2027, 4, 1, tzinfo=UTC)
"""Source: Microsoft, "Deprecation of Exchange Web Services in Exchange Online"."""
COLUMNS = ("mailbox_id", "app_id", "tenant_id", "threshold", "is_escalated")


def write(scan: Scan, now: datetime) -> int:
    """One query for each plan in force: the end is the same for all of them."""
    plans = policies.plans()
    mailboxes: QuerySet[Any] = Mailbox.objects.filter(still_by_ews()).filter(has_somebody("app", "tenant"))
    if len(plans) > 1:
        mailboxes = mailboxes.annotate(plan=policies.plan_text("app", "tenant"))
    written = 0
    for plan in plans:
        threshold = rules.owed(ENDS, now, plan)
        if threshold is None:
            continue
        told = Reminder.objects.filter(mailbox=OuterRef("pk"), expires_at=ENDS, threshold__lte=threshold)
        found = mailboxes.filter(~Exists(told))
        if len(plans) > 1:
            found = found.filter(plan=str(plan))
        rows = found.values_list("pk", "app_id", "tenant_id", Value(threshold), Value(threshold <= EVERYBODY))
        written += insert_from(Reminder(scan=scan, kind=Kind.EWS, expires_at=ENDS), COLUMNS, rows)
    return written


def still_by_ews() -> Q:
    return Q(transport=Transport.EWS, server="")
