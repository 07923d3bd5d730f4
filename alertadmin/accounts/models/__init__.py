"""The models of accounts, and those of other packages whose tables bear its label."""

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
