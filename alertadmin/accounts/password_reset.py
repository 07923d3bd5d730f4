"""A link that lets somebody choose a new password: good for an hour, and until a password is chosen or they sign in.

It rests on the password's hash and the last sign-in, so nothing is stored, and it goes with what it is made of.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse

from alertadmin.accounts.models import User

GOOD_FOR = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def link(user: User) -> str:
    """At the address of the settings, whatever host a request named."""
    path = reverse("new-password", args=[f"{user.pk}.{default_token_generator.make_token(user)}"])
    return f"{settings.PUBLIC_URL}{path}"


def find(token: str) -> User | None:
    """Whose it is, while it is good."""
    key, _dot, proof = token.partition(".")
    if not key.isascii() or not key.isdigit() or len(key) > 18:
        return None
    user = User.objects.filter(pk=int(key), is_active=True).first()
    return user if user and user.has_usable_password() and default_token_generator.check_token(user, proof) else None
