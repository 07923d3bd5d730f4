"""Secrets and certificates that expire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from alertadmin.registry.models import Credential
from alertadmin.reminders import policies
from alertadmin.reminders.models import Reminder, ReminderKind, Scan, Snooze, SnoozeKind
from alertadmin.reminders.policies import PlanLookup
from alertadmin.reminders.recipients import has_recipient
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from alertadmin.reminders.rules.thresholds import EscalatesFrom, reached
from alertadmin.reminders.scan import clock_skew
from alertadmin.reminders.scan.insert_select import insert_from
from alertadmin.reminders.snoozes import active_snoozes

COLUMNS = ("credential_id", "app_id", "tenant_id", "expires_at", "threshold", "is_escalated")
NONE_SENT = Value(32767)
"""Greater than any threshold."""


def due(now: datetime, plans: PlanLookup) -> QuerySet[Any]:
    untold = owed(now, plans)
    # Most scans find nothing; this query needs neither the joins nor the columns of the longer one.
    if not untold.exists():
        return untold.none()
    # Without a recipient it stays due: the next scan notifies the first one that is added.
    return untold.filter(has_recipient("app", "app__tenant", Q(escalated=True))).order_by("expires_at")


def write(scan: Scan, found: QuerySet[Any]) -> int:
    rows = found.values_list("pk", "app_id", "app__tenant_id", "expires_at", "owed", "escalated")
    return insert_from(Reminder(scan=scan, kind=ReminderKind.CREDENTIAL), COLUMNS, rows)


def owed(now: datetime, plans: PlanLookup | None = None) -> QuerySet[Credential]:
    """Credentials with an unsent due reminder.

    Annotated with the threshold as `owed`, and as `escalated` whether the escalation level is notified too. One query,
    whose text and cost do not depend on the number of policies.
    """
    plans, sender = plans or PlanLookup(), policies.sending_app()
    plan = plans.text("app", "app__tenant")
    early = Q(app=sender) if sender else None
    reminders = Reminder.objects.filter(credential=OuterRef("pk"), expires_at=OuterRef("expires_at"))
    if clock_skew.any_skewed(now):
        reminders = reminders.exclude(clock_skew.clock_skewed(now, "scan"))
    nearest = Subquery(reminders.order_by("threshold").values("threshold")[:1])
    still: QuerySet[Credential] = (
        Credential.objects.watched()
        .filter(expires_at__lte=now + timedelta(days=plans.farthest))
        .annotate(owed=reached("expires_at", now, plan, only=plans.only, early=early))
        # While no threshold is reached `owed` is NULL, and the comparison is not true.
        .filter(owed__lt=Coalesce(nearest, NONE_SENT, output_field=IntegerField()))
        .filter(~Exists(active_snoozes(now, "pk", "expires_at")))
        .annotate(escalated=_escalated(plan, reminders))
    )
    return still


def unanswered(reminders: QuerySet[Reminder]) -> QuerySet[Reminder]:
    """Reminders that were not acknowledged afterwards."""
    answers = Snooze.objects.filter(
        kind=SnoozeKind.ACKNOWLEDGED,
        credential=OuterRef("credential"),
        expires_at=OuterRef("expires_at"),
        created_at__gte=OuterRef("scan__started_at"),
        withdrawn_at=None,
    )
    return reminders.filter(~Exists(answers))


def _escalated(plan: Any, reminders: QuerySet[Reminder]) -> Case:
    """The rule `schedule.is_escalated` in SQL."""
    return Case(
        When(owed__lte=ESCALATE_TO_ALL_DAYS, then=Value(True)),
        When(Q(owed__lte=EscalatesFrom(plan)) & Exists(unanswered(reminders)), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
