"""Invitations: create, renew, revoke, accept. The inviter's rights limit the offered roles, both when the invitation is
made and again when it is accepted.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from alertadmin import audit
from alertadmin.accounts.email_address import clean_stored
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import GOOD_FOR, Invitation, InvitedRole, read_key
from alertadmin.accounts.roles import Role, RolesByScope
from alertadmin.accounts.services import role_grants
from alertadmin.accounts.services.role_grants import RoleGrantRefused


def invite(address: str, roles: RolesByScope, *, by: User | None, now: datetime, language: str = "") -> Invitation:
    """Create an invitation. `by` None: the operator. Raises RoleGrantRefused, and ValidationError for a bad address."""
    _check(by, roles)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            address=clean_stored(address),
            language=language,
            invited_by=by,
            made_at=now,
            ends_at=now + GOOD_FOR,
        )
        for tenant, role in roles.items():
            InvitedRole.objects.create(invitation=invitation, tenant_id=tenant, role=role)
        _record(invitation, roles, "made")
    return invitation


def renew(invitation: Invitation, now: datetime) -> None:
    """Extend by seven days and make a new link; the old one becomes invalid."""
    with transaction.atomic():
        invitation.nonce = Invitation().nonce
        invitation.ends_at = now + GOOD_FOR
        invitation.save(update_fields=["nonce", "ends_at"])
        _record(invitation, roles_by_scope(invitation), "renewed")


def revoke(invitation: Invitation, now: datetime) -> None:
    with transaction.atomic():
        invitation.revoked_at = now
        invitation.save(update_fields=["revoked_at"])
        _record(invitation, roles_by_scope(invitation), "revoked")


def revoke_of(user: User, now: datetime) -> None:
    """Revoke all open invitations of a user. Call within a transaction."""
    for invitation in Invitation.objects.open(now).filter(invited_by=user):
        revoke(invitation, now)


def find(token: str, now: datetime) -> Invitation | None:
    """The open invitation of a link; None if it is invalid or the inviter may no longer grant its roles."""
    key = read_key(token)
    return None if key is None else _find_open(key, now)


def accept(
    key: str,
    now: datetime,
    *,
    proves: bool,
    by: User | None = None,
    password: str | None = None,
    **fields: str,
) -> User | None:
    """Grant the invitation's roles to `by` or to a new account, and return the account; None if the invitation is no
    longer valid. Of two concurrent calls one succeeds. `key` comes from the link; `proves` says whether that link was
    mailed (invitation.proves). If not, a role in the whole installation stays pending until the address is proven.
    Raises ValidationError if the limit of mails is reached.

    An existing account with the invited address is never taken over: its user must be signed in, as `by`.
    """
    with transaction.atomic():
        invitation = _find_open(key, now)
        if invitation is None or account_of(invitation) != by or not _mark_accepted(invitation, now):
            return None
        user = by or User.objects.create_user(
            invitation.address, password, **{"language": invitation.language, **fields}
        )
        Invitation.objects.filter(pk=invitation.pk).update(accepted_by=user)
        entry = str(invitation.pk)
        if by is None:
            audit.record(audit.AuditAction.PERSON_CREATED, user, by=user, entry=entry)
        if proves:
            role_grants.prove(user, now, method="invitation")
        offered = roles_by_scope(invitation)
        for tenant, role in offered.items():
            role_grants.grant_role(user, tenant, role, by=user, giver=invitation.invited_by, now=now, entry=entry)
        audit.record(
            audit.AuditAction.PERSON_ACCEPTED,
            user,
            tenant=_tenant_of(offered),
            by=user,
            entry=entry,
            role=[role.value for role in offered.values()],
            method="mail" if proves else "page",
        )
    return user


def account_of(invitation: Invitation) -> User | None:
    """The existing account with the invited address."""
    return User.objects.by_address(invitation.address)


def roles_by_scope(invitation: Invitation) -> dict[UUID | None, Role]:
    return {one.tenant_id: Role(one.role) for one in invitation.roles.all()}


def _find_open(key: str, now: datetime) -> Invitation | None:
    pk, _dot, nonce = key.partition(".")
    found = Invitation.objects.open(now).filter(pk=pk, nonce=nonce).select_related("invited_by").first()
    if found is None:
        return None
    try:
        _check(found.invited_by, roles_by_scope(found))
    except RoleGrantRefused:
        return None
    return found


def _mark_accepted(invitation: Invitation, now: datetime) -> bool:
    """Mark as accepted in one conditional UPDATE, so that of two concurrent calls one fails."""
    mine = Invitation.objects.open(now).filter(pk=invitation.pk, nonce=invitation.nonce)
    return mine.update(accepted_at=now) == 1


def _check(by: User | None, roles: RolesByScope) -> None:
    """Raises RoleGrantRefused."""
    for tenant, role in roles.items():
        role_grants.check(by, tenant, role)


def _record(invitation: Invitation, roles: RolesByScope, what: str) -> None:
    audit.record(
        audit.AuditAction.PERSON_INVITED,
        invitation,
        tenant=_tenant_of(roles),
        recipient=invitation.address,
        role=[role.value for role in roles.values()],
        state=what,
        until=invitation.ends_at,
    )


def _tenant_of(roles: RolesByScope) -> UUID | None:
    """The tenant of the roles, if there is exactly one; else None."""
    return next(iter(roles)) if len(roles) == 1 else None
