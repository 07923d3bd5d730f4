"""A person who signed in to an app: a personal Microsoft account, for which no app can send by itself.

Source: Microsoft identity platform, "Refresh tokens": each use brings a new one, the old one is to be thrown away, and
one that lies unused for 90 days is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from mailer.clouds import Cloud
from mailer.errors import SendError

AUTHORITY = "consumers"
SMTP_SCOPE = "https://outlook.office.com/SMTP.Send"
UNUSED = timedelta(days=90)
"""So long a refresh token that nobody uses stays good."""


class RefreshTokenStore(Protocol):
    """Keeps a sign-in where no crash takes it away. Called in whichever thread sends."""

    def renewed(self, refresh_token: str) -> None:
        """The sign-in was used; this one takes the place of the old."""

    def ended(self, failure: SendError) -> None:
        """Microsoft takes the sign-in no more."""


@dataclass(frozen=True, slots=True)
class PersonalAccount:
    """`since` tells one sign-in of an account from a later one."""

    cloud: Cloud
    client_id: str
    account: str
    refresh_token: str = field(repr=False)
    since: str = ""
    keeper: RefreshTokenStore | None = field(default=None, repr=False, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be told."""
        return (self.refresh_token,)

    @property
    def key(self) -> tuple[str, ...]:
        """What a token is kept by. Not by the refresh token, which changes with each use."""
        return (self.cloud.authority, AUTHORITY, self.client_id, self.account, self.since)

    def mail_path(self, address: str) -> str:
        """Where Graph has a mailbox: whoever signed in has their own alone."""
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
