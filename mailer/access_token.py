"""An access token and its claims. The claims are not validated, since the token is for another audience."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_LIFETIME = 86_400.0
"""Seconds: a longer lifetime in an answer is reduced to this."""


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    expires_at: datetime = field()
    roles: tuple[str, ...] = ()
    """The granted permissions: an app's roles, or the scopes that a user consented to."""
    audience: str = ""
    tenant_id: str = ""
    app_id: str = ""
    readable: bool = True
    """False if it is not a JWT: then its roles are unknown, and `roles` is empty."""

    @property
    def known_roles(self) -> tuple[str, ...] | None:
        return self.roles if self.readable else None


def read(answer: Mapping[str, Any]) -> Token:
    """The token in an answer of the token endpoint."""
    value = str(answer["access_token"])
    claims = _claims(value)
    said = claims or {}
    return Token(
        value,
        datetime.now(UTC) + _lifetime(answer.get("expires_in")),
        roles=_roles(said.get("roles")),
        audience=str(said.get("aud") or ""),
        tenant_id=str(said.get("tid") or ""),
        app_id=str(said.get("appid") or said.get("azp") or ""),
        readable=claims is not None,
    )


def read_delegated(answer: Mapping[str, Any]) -> Token:
    """A token for a signed-in user. It is opaque for personal accounts, so the scopes are read from the answer."""
    granted = tuple(scope.rpartition("/")[2] for scope in str(answer.get("scope") or "").split())
    return Token(str(answer["access_token"]), datetime.now(UTC) + _lifetime(answer.get("expires_in")), roles=granted)


def _roles(claim: object) -> tuple[str, ...]:
    if isinstance(claim, str):
        return tuple(claim.split())
    return tuple(str(role) for role in claim) if isinstance(claim, list) else ()


def _lifetime(expires_in: object) -> timedelta:
    """The lifetime. Some servers send the seconds as text. Invalid values count as 0, so the token is not cached."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        seconds = 0.0
    return timedelta(seconds=min(max(seconds, 0.0), MAX_LIFETIME) if math.isfinite(seconds) else 0.0)


def _claims(token: str) -> dict[str, Any] | None:
    """The claims of a JWT; None if the token cannot be parsed."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None
