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
from alertadmin.accounts.roles import RIGHTS, Role

Places = dict[UUID | None, Role]
"""A role for each tenant id; the key None is the installation."""


def places(grants: Iterable[Grant]) -> Places:
    """The strongest granted role in each place. Grants for tenants that are not registered are ignored."""
    wanted: defaultdict[str | None, list[Role]] = defaultdict(list)
    for grant in grants:
        wanted[grant.directory_id].append(Role(grant.role))
    tenants = apps.get_model("registry", "Tenant").objects.filter(directory_id__in=[one for one in wanted if one])
    here: dict[str | None, UUID | None] = {tenant.directory_id: tenant.pk for tenant in tenants}
    here[None] = None
    return {here[place]: _most(roles) for place, roles in wanted.items() if place in here}


def domains(wanted: Places) -> list[str]:
    """Primary domains of the tenants in which a role is granted."""
    tenants = apps.get_model("registry", "Tenant").objects.filter(pk__in=[one for one in wanted if one])
    return list(tenants.values_list("domain", flat=True))


def _most(roles: list[Role]) -> Role:
    return max(roles, key=lambda role: (len(RIGHTS[role]), -list(Role).index(role)))


def apply(user: User, wanted: Places, now: datetime) -> bool:
    """Replace the user's group roles, confirm the kept ones as of `now`, and audit changes. Call within a transaction.

    Returns whether the user lost the role of an owner.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Roles are changed within a transaction.")
    rows = {one.tenant_id: one for one in Membership.objects.filter(user=user, source=RoleSource.GROUP)}
    Membership.objects.filter(user=user, source=RoleSource.GROUP).update(confirmed_at=now)
    held: Places = {place: Role(row.role) for place, row in rows.items()}
    for place in {**held, **wanted}:
        before, after = held.get(place), wanted.get(place)
        if before == after:
            continue
        if after is None:
            rows[place].delete()
        else:
            row = rows.get(place) or Membership(user=user, tenant_id=place, source=RoleSource.GROUP)
            row.role, row.confirmed_at = after, now
            row.save()
        details: dict[str, Any] = {"role": [before or "", after or ""], "reason": RoleSource.GROUP}
        audit.record(audit.AuditAction.PERSON_ROLE_CHANGED, user, tenant=place, by=user, **details)
    return held.get(None) == Role.OWNER != wanted.get(None)
