"""Password reset links: valid for one hour, until a password is chosen or the user signs in.

The token depends on the password hash and the last sign-in, so nothing is stored and both changes invalidate it.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse

from alertadmin.accounts.models import User

GOOD_FOR = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def link(user: User) -> str:
    """The link at PUBLIC_URL, regardless of the request's Host header."""
    path = reverse("new-password", args=[f"{user.pk}.{default_token_generator.make_token(user)}"])
    return f"{settings.PUBLIC_URL}{path}"


def find(token: str) -> User | None:
    """The user of a valid token; None if it is invalid or expired."""
    key, _dot, proof = token.partition(".")
    if not key.isascii() or not key.isdigit() or len(key) > 18:
        return None
    user = User.objects.filter(pk=int(key), is_active=True).first()
    return user if user and user.has_usable_password() and default_token_generator.check_token(user, proof) else None
