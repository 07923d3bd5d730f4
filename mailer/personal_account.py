"""A personal Microsoft account that signed in to an app. An app cannot send for it without its refresh token.

Source: Microsoft identity platform, "Refresh tokens": each use returns a new one, which replaces the old; one that is
unused for 90 days expires.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from mailer.clouds import Cloud
from mailer.errors import SendError

AUTHORITY = "consumers"
SMTP_SCOPE = "https://outlook.office.com/SMTP.Send"
REFRESH_TOKEN_LIFETIME = timedelta(days=90)
"""How long an unused refresh token is valid."""


class RefreshTokenStore(Protocol):
    """Stores the refresh token durably. Called in the sending thread."""

    def save_renewed(self, refresh_token: str) -> None:
        """Replace the refresh token by the new one."""

    def mark_ended(self, failure: SendError) -> None:
        """Note that Microsoft refused the refresh token."""


@dataclass(frozen=True, slots=True)
class PersonalAccount:
    """`since` distinguishes one sign-in of an account from a later one."""

    cloud: Cloud
    client_id: str
    account: str
    refresh_token: str = field(repr=False)
    since: str = ""
    store: RefreshTokenStore | None = field(default=None, repr=False, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never appear in an error or a log."""
        return (self.refresh_token,)

    @property
    def key(self) -> tuple[str, ...]:
        """The cache key of a token. Without the refresh token, which changes with each use."""
        return (self.cloud.authority, AUTHORITY, self.client_id, self.account, self.since)

    def mail_path(self, address: str) -> str:
        """The path of the mailbox in Graph: a signed-in user has only their own."""
        return "me"

    @property
    def graph_scope(self) -> str:
        return f"{self.cloud.graph_resource}/Mail.Send"

    @property
    def smtp_scope(self) -> str:
        return SMTP_SCOPE

    @property
    def smtp_permission(self) -> str:
        return "SMTP.Send"

    @property
    def smtp(self) -> str:
        """host:port. Raises SendError for a cloud without personal accounts."""
        if self.cloud.personal_smtp is None:
            raise SendError("account_personal_unsupported", f"{self.cloud.label} has no personal accounts.")
        return self.cloud.personal_smtp
