"""Roles and the rights they include. No database access: see `membership` for assignments and `access` for checks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMINISTRATOR = "administrator", _("Administrator")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")
    AUDITOR = "auditor", _("Auditor")


class Right(StrEnum):
    """Rights that distinguish roles. Each view declares the one it needs."""

    LOOK = "look"
    OPERATE = "operate"
    """Send tests, check consent, acknowledge reminders: sends mail and calls Microsoft, configures nothing."""
    CHANGE = "change"
    """Create, edit and delete tenants, apps, secrets, mailboxes, channels and reminder rules."""
    HAND_OVER = "hand_over"
    """See a secret's value, or disclose it to another person."""
    PEOPLE = "people"
    """Invite users, grant and revoke roles that include no right beyond one's own."""
    AUDIT = "audit"
    """Read the audit trail."""
    GOVERN = "govern"
    """Installation-wide settings: keys, MFA policy, the mailbox that sends reminders, channels and rules of all
    tenants."""


RolesByScope = Mapping[UUID | None, Role]
"""A role for each scope: a tenant's id, or None for the installation."""

_VIEWER = frozenset({Right.LOOK})
_OPERATOR = _VIEWER | {Right.OPERATE}
_ADMINISTRATOR = _OPERATOR | {Right.CHANGE, Right.HAND_OVER, Right.PEOPLE}

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.ADMINISTRATOR: _ADMINISTRATOR,
    Role.OPERATOR: _OPERATOR,
    Role.VIEWER: _VIEWER,
    Role.AUDITOR: _VIEWER | {Right.AUDIT},
}

ROLE_DESCRIPTIONS = {
    Role.OWNER: _("Everything, including users, keys and the audit trail."),
    Role.ADMINISTRATOR: _(
        "Registers and changes everything except what all tenants share, discloses secrets, invites users."
    ),
    Role.OPERATOR: _("Sends tests, checks consent, acknowledges reminders. Changes nothing else."),
    Role.VIEWER: _("Sees everything. Sends and changes nothing."),
    Role.AUDITOR: _("Sees everything, including the audit trail. Sends and changes nothing."),
}


@cache
def roles_for(right: Right) -> tuple[Role, ...]:
    """The roles that include the right."""
    return tuple(role for role, rights in RIGHTS.items() if right in rights)


def can_grant(own: frozenset[Right], role: Role) -> bool:
    """Whether a user with the rights `own` may grant the role: it must include no right beyond theirs."""
    return Right.PEOPLE in own and RIGHTS[role] <= own
