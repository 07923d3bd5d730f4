"""Administration of other users' accounts. Users cannot change their own roles, nor accounts with more rights than
theirs, and an owner must remain.

Actions concern the account in the whole installation; only roles have a scope.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts import sessions
from alertadmin.accounts.access import Access
from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, RoleSource, require_an_owner
from alertadmin.accounts.roles import RIGHTS, Right, Role, can_grant
from alertadmin.accounts.services import invitations, role_grants


class NotAllowed(Exception):
    """The action is not allowed; the message is for the acting user."""


def can_manage(by: User, person: User) -> bool:
    """Whether `by` may deactivate, recover or delete the account: they need every right it holds, in every scope."""
    access = Access(by)
    if by == person or not access.in_all_tenants(Right.PEOPLE):
        return False
    memberships = Membership.objects.filter(user=person)
    return all(RIGHTS[Role(one.role)] <= access.rights_in(one.tenant_id) for one in memberships)


def set_role(person: User, scope: UUID | None, role: Role | None, *, by: User, now: datetime | None = None) -> bool:
    """Set or, with None, remove the role that was granted by hand. Returns whether the role is in force: a role in the
    whole installation stays pending until the address is proven. Raises NotAllowed, LastOwner, and ValidationError if
    the limit of mails is reached."""
    own = Access(by).rights_in(scope)
    with transaction.atomic():
        rows = Membership.objects.select_for_update(of=("self",))
        membership = rows.filter(user=person, tenant=scope, source=RoleSource.HAND).first()
        before = Role(membership.role) if membership else None
        if by == person:
            raise NotAllowed(_("You cannot change your own roles. Ask another administrator."))
        if not all(can_grant(own, one) for one in (before, role) if one is not None):
            raise NotAllowed(str(role_grants.RoleGrantRefused()))
        if before == role:
            return True
        if role is not None and role_grants.must_prove_address(person, scope, role):
            _hold_role(person, role, by, now or timezone.now())
            return False
        if role is None and membership is not None:
            membership.delete()
        elif role is not None:
            row = membership or Membership(user=person, tenant_id=scope)
            row.role = role
            row.save()
        audit.record(audit.AuditAction.PERSON_ROLE_CHANGED, person, tenant=scope, role=[before or "", role or ""])
        require_an_owner()
    return True


def _hold_role(person: User, role: Role, by: User, now: datetime) -> None:
    try:
        role_grants.hold_role(person, role, giver=by, now=now)
    except role_grants.RoleGrantRefused as error:
        raise NotAllowed(str(error)) from None


def deactivate(person: User, *, by: User, now: datetime) -> None:
    """Deactivate a user, end their sessions and revoke their invitations. Raises NotAllowed, LastOwner."""
    _require_can_manage(by, person)
    with transaction.atomic():
        if not User.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
            return
        invitations.revoke_of(person, now)
        role_grants.revoke_grants_of(person)
        sessions.end_all(person)
        audit.record(audit.AuditAction.PERSON_DEACTIVATED, person)
        require_an_owner()


def activate(person: User, *, by: User) -> None:
    """Reactivate a user. Raises NotAllowed."""
    _require_can_manage(by, person)
    with transaction.atomic():
        if User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
            audit.record(audit.AuditAction.PERSON_ACTIVATED, person)


def reset_factors(person: User, *, by: User) -> None:
    """Remove all second factors after a lost device. The next sign-in needs none. Raises NotAllowed."""
    _require_can_manage(by, person)
    enforcement.remove_factors(person)


def remove(person: User, *, by: User) -> None:
    """Delete a user. Raises NotAllowed, LastOwner."""
    _require_can_manage(by, person)
    with transaction.atomic():
        subject, address = audit.AuditTarget.of(person), person.email
        sessions.end_all(person)
        person.delete()
        audit.record(audit.AuditAction.PERSON_DELETED, subject, recipient=address)
        require_an_owner()


def _require_can_manage(by: User, person: User) -> None:
    if not can_manage(by, person):
        raise NotAllowed(
            _("Only a person with all the rights of this account can do that, and never to their own account.")
        )
