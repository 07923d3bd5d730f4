"""Secrets and certificates that end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, Exists, Min, OuterRef, Q, QuerySet, Value, When

from alertadmin.registry.models import Credential
from alertadmin.registry.steps import Steps
from alertadmin.reminders import ahead, policies, rules
from alertadmin.reminders.audience import has_somebody
from alertadmin.reminders.bulk import insert_from
from alertadmin.reminders.holds import active_holds
from alertadmin.reminders.models import Hold, HoldKind, Kind, Reminder, Scan
from alertadmin.reminders.plan import EVERYBODY, Plan

COLUMNS = ("credential_id", "app_id", "tenant_id", "expires_at", "threshold", "is_escalated")


def write(scan: Scan, now: datetime) -> int:
    untold = owed(now)
    # Most scans find nothing; asked like this it needs neither the joins nor the words of the longer query.
    if not untold.exists():
        return 0
    # With nobody to tell it is left owed: whoever is entered later is told then.
    found = untold.filter(has_somebody("app", "app__tenant", Q(escalated=True)))
    rows = found.values_list("pk", "app_id", "app__tenant_id", "expires_at", "owed", "escalated")  # type: ignore[misc]
    return insert_from(Reminder(scan=scan, kind=Kind.CREDENTIAL), COLUMNS, rows)


def owed(now: datetime) -> QuerySet[Credential]:
    """Credentials that somebody must be told of and nobody was.

    Each with the threshold as `owed`, and as `escalated` whether the next in line is told too. One query, whatever the
    number of policies.
    """
    watched = Credential.objects.watched()
    oldest = watched.aggregate(oldest=Min("expires_at"))["oldest"]
    plans = policies.plans()
    sender = policies.sending_app()
    farthest = max(max(plan.earlier().thresholds if sender else plan.thresholds) for plan in plans)
    found: QuerySet[Any] = watched.filter(expires_at__lte=now + timedelta(days=farthest))
    if len(plans) > 1:
        found = found.annotate(plan=policies.plan_text("app", "app__tenant"))
    cases = [_reached(plan, now, oldest, many=len(plans) > 1, sender=sender) for plan in plans]
    found = found.annotate(owed=Case(*(case for some in cases for case in some)))
    told = Reminder.objects.filter(credential=OuterRef("pk"), expires_at=OuterRef("expires_at"))
    if ahead.ever(now):
        told = told.exclude(ahead.was_ahead(now, "scan"))
    still: QuerySet[Credential] = (
        found.filter(owed__isnull=False)
        .filter(~Exists(told.filter(threshold__lte=OuterRef("owed"))))
        .filter(~Exists(active_holds(now, "pk", "expires_at")))
        .annotate(escalated=_escalated(plans, told))
    )
    return still


def unanswered(told: QuerySet[Reminder]) -> QuerySet[Reminder]:
    """Those after which nobody said that they are on it."""
    answers = Hold.objects.filter(
        kind=HoldKind.ACKNOWLEDGED,
        credential=OuterRef("credential"),
        expires_at=OuterRef("expires_at"),
        created_at__gte=OuterRef("scan__started_at"),
        withdrawn_at=None,
    )
    return told.filter(~Exists(answers))


def _reached(plan: Plan, now: datetime, oldest: datetime | None, *, many: bool, sender: object) -> list[When]:
    """The threshold reached under one plan; nothing for an end that has reached none."""
    mine = Q(plan=str(plan)) if many else Q()
    cases = []
    if sender:
        cases.append(_under(plan.earlier(), mine & Q(app=sender), now, oldest))
    return [*cases, _under(plan, mine, now, oldest)]


def _under(plan: Plan, mine: Q, now: datetime, oldest: datetime | None) -> When:
    marks = rules.marks(now, oldest, plan)
    return When(
        mine & Q(expires_at__lte=marks[-1].cutoff),
        then=Steps("expires_at", [(mark.cutoff, mark.threshold) for mark in marks]),
    )


def _escalated(plans: list[Plan], told: QuerySet[Reminder]) -> Case:
    """The rule `rules.is_escalated`, as the database reads it."""
    late = Q()
    for plan in plans:
        late |= Q(owed__lte=plan.escalate) & (Q(plan=str(plan)) if len(plans) > 1 else Q())
    return Case(
        When(owed__lte=EVERYBODY, then=Value(True)),
        When(late & Exists(unanswered(told)), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
