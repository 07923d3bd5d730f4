"""Inviting people: nobody gives a role that could do more than their own, neither when they invite nor, should they
have lost theirs meanwhile, when the invitation is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from alertadmin.accounts import audit
from alertadmin.accounts.access import Access
from alertadmin.accounts.email_address import clean_stored
from alertadmin.accounts.invitation import GOOD_FOR, Invitation, InvitedRole, read_key
from alertadmin.accounts.membership import Membership, Source
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import RIGHTS, Role, may_give

Places = Mapping[UUID | None, Role]
"""A role for each tenant; None stands for the installation."""


class MayNotGive(Exception):
    """A role that could do more than whoever gives it."""

    def __str__(self) -> str:
        return _("You can give roles that may do what you may do yourself, where you may do it.")


def invite(address: str, roles: Places, *, by: User | None, now: datetime, language: str = "") -> Invitation:
    """Raises MayNotGive, and ValidationError for what is no address. `by` None: whoever runs the installation."""
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
    key: str, now: datetime, *, by: User | None = None, password: str | None = None, **fields: str
) -> User | None:
    """The account, of `by` or a new one, with its roles; None if the invitation is good no more. Of two at once, one
    wins. `key` was read from a link a while ago.

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
        if by is None:
            audit.record(audit.Act.PERSON_CREATED, user, by=user, entry=str(invitation.pk))
        for tenant, role in places(invitation).items():
            give(user, tenant, role, by=user, entry=str(invitation.pk))
    return user


def account_of(invitation: Invitation) -> User | None:
    """The account here that has the invited address already."""
    return User.objects.by_address(invitation.address)


def give(user: User, tenant: UUID | None, role: Role, *, by: User, **details: Any) -> None:
    """By hand. Within a transaction; a role there that may do more stays."""
    held = Membership.objects.filter(user=user, tenant=tenant, source=Source.HAND).first()
    before = held.role if held else ""
    if held is not None and RIGHTS[Role(held.role)] >= RIGHTS[role]:
        return
    row = held or Membership(user=user, tenant_id=tenant)
    row.role = role
    row.save()
    audit.record(audit.Act.PERSON_ROLE_CHANGED, user, tenant=tenant, by=by, role=[before, role.value], **details)


def places(invitation: Invitation) -> dict[UUID | None, Role]:
    return {one.tenant_id: Role(one.role) for one in invitation.roles.all()}


def _open(key: str, now: datetime) -> Invitation | None:
    pk, _dot, nonce = key.partition(".")
    found = Invitation.objects.open(now).filter(pk=pk, nonce=nonce).select_related("invited_by").first()
    if found is None:
        return None
    try:
        _check(found.invited_by, places(found))
    except MayNotGive:
        return None
    return found


def _take(invitation: Invitation, now: datetime) -> bool:
    """One conditional UPDATE, so that of two at once one finds it taken."""
    mine = Invitation.objects.open(now).filter(pk=invitation.pk, nonce=invitation.nonce)
    return mine.update(accepted_at=now) == 1


def _check(by: User | None, roles: Places) -> None:
    """Raises MayNotGive."""
    if by is None:
        return
    access = Access(by)
    for tenant, role in roles.items():
        if not may_give(access.rights_in(tenant), role):
            raise MayNotGive


def _record(invitation: Invitation, roles: Places, what: str) -> None:
    everywhere = roles.get(None)
    tenant = None if everywhere or len(roles) != 1 else next(iter(roles))
    audit.record(
        audit.Act.PERSON_INVITED,
        invitation,
        tenant=tenant,
        recipient=invitation.address,
        role=[role.value for role in roles.values()],
        state=what,
        until=invitation.ends_at,
    )
