"""Sending with a cached token, and once more with a new token if the server refused it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mailer import messages
from mailer.app_identity import Identity
from mailer.errors import Acceptance, SendError
from mailer.http import wire_errors
from mailer.tokens import OnStep, Token, TokenSource

Result = TypeVar("Result")
STALE_TOKEN_CAUSES = frozenset({"token_rejected", "role_missing"})
"""Refusals that a new token may avoid: the cached one was revoked, or consent was granted after it was issued."""


def with_token(
    tokens: TokenSource,
    app: Identity,
    scope: str,
    permission: str,
    on_step: OnStep | None,
    attempt: Callable[[Token], Result],
) -> Result:
    """The result of `attempt`. If a cached token is refused, `attempt` runs again with a new one. Raises SendError."""
    kept = tokens.has_cached(app, scope)
    try:
        return _attempt(tokens, app, scope, permission, on_step, attempt)
    except SendError as failure:
        if failure.cause not in STALE_TOKEN_CAUSES or failure.outcome != Acceptance.NOT_SENT:
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
    """Run `attempt` with a token. A missing permission is no reason to stop: an app that Exchange scopes by RBAC sends
    without any role in its token."""
    token = tokens.token(app, scope, on_step)
    if on_step:
        on_step("permission", _permission_detail(permission, token))
    with wire_errors.redacting(token.value, *app.secrets):
        return attempt(token)


def _permission_detail(permission: str, token: Token) -> str:
    if not token.readable:
        return f"the token does not show whether it holds {permission}"
    return permission if permission in token.roles else messages.NOT_IN_TOKEN % {"permission": permission}
