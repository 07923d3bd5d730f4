"""Group roles: each sign-in replaces them by what the provider states now.

Roles granted by a person are not affected: they have another source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, RoleSource
from alertadmin.accounts.oidc.provider import Grant
from alertadmin.accounts.roles import RIGHTS, Role, RolesByScope


def roles_by_scope(grants: Iterable[Grant]) -> RolesByScope:
    """The strongest granted role in each scope. Grants for tenants that are not registered are ignored."""
    wanted: defaultdict[str | None, list[Role]] = defaultdict(list)
    for grant in grants:
        wanted[grant.directory_id].append(Role(grant.role))
    tenants = apps.get_model("registry", "Tenant").objects.filter(directory_id__in=[one for one in wanted if one])
    tenant_ids: dict[str | None, UUID | None] = {tenant.directory_id: tenant.pk for tenant in tenants}
    tenant_ids[None] = None
    return {tenant_ids[scope]: _strongest(roles) for scope, roles in wanted.items() if scope in tenant_ids}


def domains(wanted: RolesByScope) -> list[str]:
    """Primary domains of the tenants in which a role is granted."""
    tenants = apps.get_model("registry", "Tenant").objects.filter(pk__in=[one for one in wanted if one])
    return list(tenants.values_list("domain", flat=True))


def _strongest(roles: list[Role]) -> Role:
    return max(roles, key=lambda role: (len(RIGHTS[role]), -list(Role).index(role)))


def apply(user: User, wanted: RolesByScope, now: datetime) -> bool:
    """Replace the user's group roles, confirm the kept ones as of `now`, and audit changes. Call within a transaction.

    Returns whether the user lost the role of an owner.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Roles are changed within a transaction.")
    rows = {one.tenant_id: one for one in Membership.objects.filter(user=user, source=RoleSource.GROUP)}
    Membership.objects.filter(user=user, source=RoleSource.GROUP).update(confirmed_at=now)
    current: RolesByScope = {scope: Role(row.role) for scope, row in rows.items()}
    for scope in {**current, **wanted}:
        before, after = current.get(scope), wanted.get(scope)
        if before == after:
            continue
        if after is None:
            rows[scope].delete()
        else:
            row = rows.get(scope) or Membership(user=user, tenant_id=scope, source=RoleSource.GROUP)
            row.role, row.confirmed_at = after, now
            row.save()
        details: dict[str, Any] = {"role": [before or "", after or ""], "reason": RoleSource.GROUP}
        audit.record(audit.AuditAction.PERSON_ROLE_CHANGED, user, tenant=scope, by=user, **details)
    return current.get(None) == Role.OWNER != wanted.get(None)
