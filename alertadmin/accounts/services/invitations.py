"""Inviting people: nobody gives a role that could do more than their own, neither when they invite nor, should they
have lost theirs meanwhile, when the invitation is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from alertadmin import audit
from alertadmin.accounts.email_address import clean_stored
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import GOOD_FOR, Invitation, InvitedRole, read_key
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import role_grants
from alertadmin.accounts.services.role_grants import RoleGrantRefused

Places = Mapping[UUID | None, Role]
"""A role for each tenant; None stands for the installation."""


def invite(address: str, roles: Places, *, by: User | None, now: datetime, language: str = "") -> Invitation:
    """Raises RoleGrantRefused, and ValidationError for what is no address. `by` None: whoever runs the installation."""
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
    """Seven days more, by a new link; the old one is worthless."""
    with transaction.atomic():
        invitation.nonce = Invitation().nonce
        invitation.ends_at = now + GOOD_FOR
        invitation.save(update_fields=["nonce", "ends_at"])
        _record(invitation, places(invitation), "renewed")


def revoke(invitation: Invitation, now: datetime) -> None:
    with transaction.atomic():
        invitation.revoked_at = now
        invitation.save(update_fields=["revoked_at"])
        _record(invitation, places(invitation), "revoked")


def revoke_of(user: User, now: datetime) -> None:
    """All that somebody who is to come in no more has invited to. Within a transaction."""
    for invitation in Invitation.objects.open(now).filter(invited_by=user):
        revoke(invitation, now)


def find(token: str, now: datetime) -> Invitation | None:
    """The open invitation that a link leads to, as long as whoever invited may still give what it offers."""
    key = read_key(token)
    return None if key is None else _open(key, now)


def accept(
    key: str,
    now: datetime,
    *,
    proves: bool,
    by: User | None = None,
    password: str | None = None,
    **fields: str,
) -> User | None:
    """The account, of `by` or a new one, with its roles; None if the invitation is good no more. Of two at once, one
    wins. `key` was read from a link a while ago; `proves` says whether that link was in the mail (invitation.proves).
    Where it was not, a role in the whole installation waits until the address is proven. Raises ValidationError if no
    further mail may leave.

    An account that has the address already is never taken over: whose it is has to be signed in, as `by`.
    """
    with transaction.atomic():
        invitation = _open(key, now)
        if invitation is None or account_of(invitation) != by or not _take(invitation, now):
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
        offered = places(invitation)
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
    """The account here that has the invited address already."""
    return User.objects.by_address(invitation.address)


def places(invitation: Invitation) -> dict[UUID | None, Role]:
    return {one.tenant_id: Role(one.role) for one in invitation.roles.all()}


def _open(key: str, now: datetime) -> Invitation | None:
    pk, _dot, nonce = key.partition(".")
    found = Invitation.objects.open(now).filter(pk=pk, nonce=nonce).select_related("invited_by").first()
    if found is None:
        return None
    try:
        _check(found.invited_by, places(found))
    except RoleGrantRefused:
        return None
    return found


def _take(invitation: Invitation, now: datetime) -> bool:
    """One conditional UPDATE, so that of two at once one finds it taken."""
    mine = Invitation.objects.open(now).filter(pk=invitation.pk, nonce=invitation.nonce)
    return mine.update(accepted_at=now) == 1


def _check(by: User | None, roles: Places) -> None:
    """Raises RoleGrantRefused."""
    for tenant, role in roles.items():
        role_grants.check(by, tenant, role)


def _record(invitation: Invitation, roles: Places, what: str) -> None:
    audit.record(
        audit.AuditAction.PERSON_INVITED,
        invitation,
        tenant=_tenant_of(roles),
        recipient=invitation.address,
        role=[role.value for role in roles.values()],
        state=what,
        until=invitation.ends_at,
    )


def _tenant_of(roles: Places) -> UUID | None:
    """The one tenant that the roles are in; None for several, or the installation."""
    return next(iter(roles)) if len(roles) == 1 else None
