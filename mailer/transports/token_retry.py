"""The steps between an app and a message: a token, what it says of the permission, and a second one if it is stale."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mailer.app_identity import Identity
from mailer.errors import Acceptance, SendError
from mailer.http import wire_errors
from mailer.tokens import OnStep, Token, TokenSource

Result = TypeVar("Result")
STALE = frozenset({"token_rejected", "role_missing"})
"""Refusals that a kept token can earn where a fresh one would not: it was revoked, or consent came after it."""


def with_token(
    tokens: TokenSource,
    app: Identity,
    scope: str,
    permission: str,
    on_step: OnStep | None,
    attempt: Callable[[Token], Result],
) -> Result:
    """What `attempt` brings. If a kept token is surely refused, once more with a fresh one. Raises SendError."""
    kept = tokens.has(app, scope)
    try:
        return _attempt(tokens, app, scope, permission, on_step, attempt)
    except SendError as failure:
        if failure.cause not in STALE or failure.outcome != Acceptance.NOT_SENT:
            raise
        tokens.forget(app, scope)
        if not kept:
            raise
    return _attempt(tokens, app, scope, permission, None, attempt)


def _attempt(
    tokens: TokenSource,
    app: Identity,
    scope: str,
    permission: str,
    on_step: OnStep | None,
    attempt: Callable[[Token], Result],
) -> Result:
    """The permission's absence does not stop the message: an app that Exchange scopes by RBAC may send without any role
    in its token."""
    token = tokens.token(app, scope, on_step)
    if on_step:
        on_step("permission", _said_of(permission, token))
    with wire_errors.redacting(token.value, *app.secrets):
        return attempt(token)


def _said_of(permission: str, token: Token) -> str:
    if not token.readable:
        return f"the token does not show whether it holds {permission}"
    return permission if permission in token.roles else f"{permission} is not in the token"
