"""The causes of errors, and the people who can fix them. Slugs are an interface: they are never renamed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

SLUGS: Final = (
    "secret_wrong",
    "secret_expired",
    "certificate_wrong",
    "certificate_expired",
    "app_not_found",
    "app_disabled",
    "tenant_not_found",
    "wrong_cloud",
    "tenant_ambiguous",
    "consent_missing",
    "role_missing",
    "conditional_access",
    "exchange_missing",
    "mailbox_not_found",
    "mailbox_access_denied",
    "send_as_denied",
    "ews_blocked",
    "smtp_auth_disabled",
    "basic_auth_retired",
    "throttled",
    "sending_limit",
    "recipient_rejected",
    "message_too_large",
    "token_rejected",
    "redirect_mismatch",
    "scope_invalid",
    "transient",
    "network",
    "proxy",
    "tls",
    "account_personal_unsupported",
    "user_sign_in_needed",
    "other",
)

UNKNOWN: Final = "other"
"""The cause of an error that no rule matches."""


class Owner(StrEnum):
    """Who must act."""

    TENANT_ADMINISTRATOR = "tenant_administrator"
    """An administrator of the Entra tenant: consent, Conditional Access, enterprise applications."""
    EXCHANGE_ADMINISTRATOR = "exchange_administrator"
    """An administrator of Exchange Online: mailboxes, SMTP AUTH, EWS, limits."""
    APP_OWNER = "app_owner"
    """The owner of the app registration and its secret."""
    OPERATOR = "operator"
    """The administrator of the sending machine: network, clock, certificates, settings."""
    SENDER = "sender"
    """The author of the message or of its list of recipients."""
    USER = "user"
    """The user whose own account signs in."""
    NONE = "nobody"  # the value of the interface
    """No action is needed: the same call succeeds later."""
