"""Tokens through msal, and what a token says was granted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mailer.clouds import Cloud


@dataclass(frozen=True, slots=True)
class ClientSecret:
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM texts. The public certificate's thumbprint is computed by msal (SHA-256)."""

    private_key: str = field(repr=False)
    public_certificate: str = ""
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """An app registration as the token endpoint knows it: which app, in which tenant, proven by what."""

    cloud: Cloud
    directory_id: str
    client_id: str
    credential: ClientSecret | ClientCertificate


@dataclass(frozen=True, slots=True)
class Token:
    """An app-only access token and the claims we show. Claims are read, not validated: the token is not for us."""

    value: str = field(repr=False)
    expires_at: datetime = field()
    roles: tuple[str, ...] = ()
    audience: str = ""
    tenant_id: str = ""
    app_id: str = ""


StepName = Literal["tenant", "token", "permission", "message"]
OnStep = Callable[[StepName, str], None]
"""Called as each step succeeds: its name and one line of detail."""
