"""Store a reminder policy (schedule, times, recipients) atomically."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.dashboard.policies.forms import RecipientsForm, ScheduleForm, TimingForm
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders.models import Level, Policy, Recipient


def save(
    tenant: Tenant | None, app: AppRegistration | None, people: RecipientsForm, plan: ScheduleForm, timing: TimingForm
) -> Policy:
    with transaction.atomic():
        policy, _is_new = Policy.objects.get_or_create(tenant=tenant, app=app)
        with audit.record_change(AuditAction.POLICY_CHANGED, policy) as details:
            before = _recipients(tenant, app)
            _save(policy, people, plan, timing)
            if (after := _recipients(tenant, app)) != before:
                details["recipients"] = {"before": before, "after": after}
    return policy


def _recipients(tenant: Tenant | None, app: AppRegistration | None) -> list[str]:
    """Return the primary and the escalation contacts."""
    found = Recipient.objects.filter(tenant=tenant, app=app).order_by("line", "email")
    return [f"{one.get_line_display()}: {one.email}" for one in found]


def _save(policy: Policy, people: RecipientsForm, plan: ScheduleForm, timing: TimingForm) -> None:
    policy.plan = plan.plan
    data = timing.cleaned_data
    policy.has_timing = data["has_timing"]
    policy.quiet_from, policy.quiet_until = data["quiet_from"], data["quiet_until"]
    policy.working_days = "".join(sorted(set(data["working_days"])))
    policy.digest, policy.digest_at = data["digest"], data["digest_at"]
    policy.full_clean()
    policy.save()
    for line, name in ((Level.FIRST, "first"), (Level.NEXT, "next")):
        _set(policy.tenant, policy.app, line, people.cleaned_data[name])


def _set(tenant: Tenant | None, app: AppRegistration | None, line: Level, emails: Iterable[str]) -> None:
    """Replace the recipients of a level. `emails` are canonical."""
    emails = list(emails)
    own = Recipient.objects.filter(tenant=tenant, app=app)
    own.filter(line=line).exclude(email_canonical__in=emails).delete()
    # A recipient who changes level keeps one row.
    own.filter(email_canonical__in=emails).exclude(line=line).delete()
    known = set(own.filter(line=line).values_list("email_canonical", flat=True))
    Recipient.objects.bulk_create(
        [Recipient(tenant=tenant, app=app, line=line, email=email) for email in emails if email not in known]
    )
