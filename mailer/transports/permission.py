"""The step between token and message: is the permission in the token?"""

from __future__ import annotations

from mailer.identity import AppIdentity, OnStep, Token, TokenSource


def token_for(tokens: TokenSource, app: AppIdentity, scope: str, permission: str, on_step: OnStep | None) -> Token:
    """A token, and what it says of the permission. Its absence does not stop the message: an app that Exchange scopes
    by RBAC may send without any role in its token. Raises Failure."""
    token = tokens.token(app, scope, on_step)
    if on_step:
        on_step("permission", permission if permission in token.roles else f"{permission} is not in the token")
    return token
