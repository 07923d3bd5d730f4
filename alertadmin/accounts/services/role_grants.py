"""Grants of roles by users. A user can grant no right beyond their own, and a role in the whole installation takes
effect only once the address is proven: until then it is a PendingRole, and the user gets a link by mail.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts import address_proof
from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, RoleSource
from alertadmin.accounts.models.pending_role import GOOD_FOR, PendingRole, new_nonce
from alertadmin.accounts.roles import RIGHTS, Role, can_grant


class RoleGrantRefused(Exception):
    """The role includes a right that the granting user lacks."""

    def __str__(self) -> str:
        return _("You can only give roles with no more rights than your own, in the tenants where you have them.")


def check(by: User | None, scope: UUID | None, role: Role) -> None:
    """Check that `by` may grant the role; None is the operator. Raises RoleGrantRefused."""
    if by is not None and not can_grant(Access(by).rights_in(scope), role):
        raise RoleGrantRefused


def must_prove_address(user: User, scope: UUID | None, role: Role) -> bool:
    """Whether the role must stay pending until the address is proven. A role with no additional rights need not."""
    if scope is not None or user.is_proven:
        return False
    membership = Membership.objects.filter(user=user, tenant=None, source=RoleSource.HAND).first()
    return membership is None or not RIGHTS[role] <= RIGHTS[Role(membership.role)]


def grant_role(
    user: User, scope: UUID | None, role: Role, *, by: User, giver: User | None, now: datetime, **details: Any
) -> bool:
    """Grant a role; a stronger existing role stays. Call within a transaction. `by` is the acting user, `giver` the
    user who vouches for the role (None: the operator). Returns whether the role is in force, not pending. Raises
    ValidationError if the limit of mails is reached."""
    membership = Membership.objects.filter(user=user, tenant=scope, source=RoleSource.HAND).first()
    before = membership.role if membership else ""
    if membership is not None and RIGHTS[Role(membership.role)] >= RIGHTS[role]:
        return True
    if must_prove_address(user, scope, role):
        hold_role(user, role, giver=giver, now=now, **details)
        return False
    row = membership or Membership(user=user, tenant_id=scope)
    row.role = role
    row.save()
    audit.record(audit.AuditAction.PERSON_ROLE_CHANGED, user, tenant=scope, by=by, role=[before, role.value], **details)
    return True


def hold_role(user: User, role: Role, *, giver: User | None, now: datetime, **details: Any) -> PendingRole:
    """Store a pending role, replacing an earlier one. Call within a transaction. Its audit entry causes the mail
    with the link (accounts' proof mail in outbox).

    Raises ValidationError if the limit of mails is reached; RoleGrantRefused if an existing pending role includes
    rights that `giver` lacks.
    """
    earlier = PendingRole.objects.select_for_update(of=("self",)).filter(user=user).first()
    if earlier is not None and earlier.ends_at > now:
        check(giver, None, Role(earlier.role))
    row = earlier or PendingRole(user=user)
    row.role, row.address, row.given_by = role, user.email, giver
    row.made_at, row.ends_at, row.nonce = now, now + GOOD_FOR, new_nonce()
    row.save()
    user.pending_role = row
    audit.record(
        audit.AuditAction.PERSON_ROLE_PENDING,
        user,
        role=role.value,
        until=row.ends_at,
        recipient=row.address,
        now=now,
        **details,
    )
    return row


def pending_roles(user: User, now: datetime) -> PendingRole | None:
    """The user's pending role, if it has not expired."""
    return PendingRole.objects.open(now).filter(user=user).select_related("given_by").first()


def withdraw(user: User, *, by: User) -> bool:
    """Withdraw the pending role. Returns whether there was one. Raises RoleGrantRefused."""
    with transaction.atomic():
        row = PendingRole.objects.select_for_update(of=("self",)).filter(user=user).first()
        if row is None:
            return False
        check(by, None, Role(row.role))
        _drop(row)
    return True


def revoke_grants_of(giver: User) -> None:
    """Withdraw the pending roles granted by a deactivated user. Call within a transaction."""
    for row in PendingRole.objects.select_for_update(of=("self",)).filter(given_by=giver):
        _drop(row)


def _drop(row: PendingRole) -> None:
    user, role = row.user, row.role
    row.delete()
    audit.record(audit.AuditAction.PERSON_ROLE_WITHDRAWN, user, role=role)


def prove(user: User, now: datetime, *, method: str) -> Role | None:
    """Mark the address as proven and grant the pending role, if its giver may still grant it. Call within a
    transaction. Returns the granted role, or None."""
    address_proof.prove_address(user, now, method=method)
    row = PendingRole.objects.select_for_update(of=("self",)).filter(user=user).first()
    if row is None or not user.is_proven:
        return None
    role, giver = Role(row.role), row.given_by
    is_good = row.ends_at > now and row.address == user.email and user.is_active
    row.delete()
    try:
        check(giver, None, role)
    except RoleGrantRefused:
        is_good = False
    if not is_good:
        audit.record(audit.AuditAction.PERSON_ROLE_WITHDRAWN, user, role=role.value, by=user, reason="no longer given")
        return None
    grant_role(user, None, role, by=user, giver=giver, now=now)
    return role
