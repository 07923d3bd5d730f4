"""What each role may do. Pure; where somebody holds a role is a membership's matter, and access puts both together."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMINISTRATOR = "administrator", _("Administrator")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")
    AUDITOR = "auditor", _("Auditor")


class Right(StrEnum):
    """What roles tell apart. Each page says which it needs."""

    LOOK = "look"
    OPERATE = "operate"
    """Sends tests, checks consent, says that a reminder was seen: mail leaves and Microsoft is asked, nothing is
    configured."""
    CHANGE = "change"
    """Registers, edits and deletes: tenants, apps, secrets, mailboxes, channels, who is reminded when."""
    HAND_OVER = "hand_over"
    """Sees a secret's value, or lets somebody else see it."""
    PEOPLE = "people"
    """Invites, gives and takes roles, none that could do more than one's own."""
    AUDIT = "audit"
    """Reads the audit trail."""
    GOVERN = "govern"
    """What protects everybody's secrets: keys, how people must sign in, and by what and to whom the installation itself
    sends: the mailbox that sends the reminders, channels and rules of all tenants."""


_LOOKS = frozenset({Right.LOOK})
_OPERATES = _LOOKS | {Right.OPERATE}
_ADMINISTERS = _OPERATES | {Right.CHANGE, Right.HAND_OVER, Right.PEOPLE}

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.ADMINISTRATOR: _ADMINISTERS,
    Role.OPERATOR: _OPERATES,
    Role.VIEWER: _LOOKS,
    Role.AUDITOR: _LOOKS | {Right.AUDIT},
}

EXPLAINED = {
    Role.OWNER: _("Everything, people, keys and the audit trail included."),
    Role.ADMINISTRATOR: _(
        "Registers and changes everything but what all tenants share, hands secrets over, invites people."
    ),
    Role.OPERATOR: _("Sends tests, checks consent, acknowledges reminders. Changes nothing."),
    Role.VIEWER: _("Looks on. Sends nothing and changes nothing."),
    Role.AUDITOR: _("Looks on, and reads the audit trail."),
}


def roles_for(right: Right) -> list[Role]:
    """Those that may do it."""
    return [role for role, rights in RIGHTS.items() if right in rights]


def may_give(own: frozenset[Right], role: Role) -> bool:
    """Whether somebody with these rights may give that role: none that could do more than they can."""
    return Right.PEOPLE in own and RIGHTS[role] <= own
