"""Copy the schedule and the times of one tenant's reminder policy to another."""

from __future__ import annotations

from django.db import transaction

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.registry.models import Tenant
from alertadmin.reminders.models import Policy

COPIED = ("plan", "has_timing", "quiet_from", "quiet_until", "working_days", "digest", "digest_at")
"""Without the recipients, which are each tenant's own."""


@transaction.atomic
def copy_schedule(like: Tenant | None, to: Tenant) -> bool:
    """Copy what `like` has; None: follow the installation's policy. Returns whether something changed."""
    source = (Policy.objects.filter(tenant=like).first() if like else None) or Policy()
    present = Policy.objects.filter(tenant=to).first()
    wanted = {name: getattr(source, name) for name in COPIED}
    if wanted == {name: getattr(present or Policy(), name) for name in COPIED}:
        return False
    policy = present or Policy.objects.create(tenant=to)
    with audit.record_change(AuditAction.POLICY_CHANGED, policy):
        for name, value in wanted.items():
            setattr(policy, name, value)
        policy.save()
    return True
