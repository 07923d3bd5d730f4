"""An access token, and what it says was granted. Its claims are read, never validated: the token is not for us."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

LONGEST = 86_400.0
"""Seconds: the longest life of a token that we believe."""


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    expires_at: datetime = field()
    roles: tuple[str, ...] = ()
    """The permissions granted: an app's roles, or what a person agreed to."""
    audience: str = ""
    tenant_id: str = ""
    app_id: str = ""
    readable: bool = True
    """False if it is no JWT: then nothing is known of its roles, and `roles` is empty."""

    @property
    def known_roles(self) -> tuple[str, ...] | None:
        return self.roles if self.readable else None


def read(answer: Mapping[str, Any]) -> Token:
    """The token of a token endpoint's answer."""
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
    """A token for somebody who signed in. A personal account's is opaque: what was granted is said beside it."""
    granted = tuple(scope.rpartition("/")[2] for scope in str(answer.get("scope") or "").split())
    return Token(str(answer["access_token"]), datetime.now(UTC) + _lifetime(answer.get("expires_in")), roles=granted)


def _roles(claim: object) -> tuple[str, ...]:
    if isinstance(claim, str):
        return tuple(claim.split())
    return tuple(str(role) for role in claim) if isinstance(claim, list) else ()


def _lifetime(expires_in: object) -> timedelta:
    """Some servers write the seconds as text. What cannot be read counts as over: the token is used once."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        seconds = 0.0
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else 0.0)


def _claims(token: str) -> dict[str, Any] | None:
    """What the token says; None where it is none that we can read."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None
