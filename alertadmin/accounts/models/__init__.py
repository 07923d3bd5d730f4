"""The models of this app, and those of other packages that keep its label."""

from alertadmin.accounts.models.user import (
    AuditEntry,
    FirstAdministratorLink,
    Invitation,
    InvitedRole,
    Membership,
    PendingRole,
    ThrottleCounter,
    User,
    UserManager,
)

__all__ = [
    "AuditEntry",
    "FirstAdministratorLink",
    "Invitation",
    "InvitedRole",
    "Membership",
    "PendingRole",
    "ThrottleCounter",
    "User",
    "UserManager",
]
