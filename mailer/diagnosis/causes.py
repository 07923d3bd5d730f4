"""The causes a failure can have, and the people who can mend it. Slugs are an interface: they are never renamed."""

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
    "tls",
    "account_personal_unsupported",
    "user_sign_in_needed",
    "other",
)

UNKNOWN: Final = "other"
"""What is said of an error that no rule knows: an honest "we do not know", never a guess."""


class Owner(StrEnum):
    """Who must act."""

    TENANT_ADMINISTRATOR = "tenant_administrator"
    """An administrator of the Entra tenant: consent, Conditional Access, enterprise applications."""
    EXCHANGE_ADMINISTRATOR = "exchange_administrator"
    """An administrator of Exchange Online: mailboxes, SMTP AUTH, EWS, limits."""
    APP_OWNER = "app_owner"
    """Who keeps the app registration and its secret."""
    OPERATOR = "operator"
    """Who runs the machine that sends: network, clock, certificates, settings."""
    SENDER = "sender"
    """Who writes the message or keeps its list of recipients."""
    USER = "user"
    """The person whose own account signs in."""
    NOBODY = "nobody"
    """It passes by itself: the same call succeeds later."""
