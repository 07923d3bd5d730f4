"""A user's second factors as rows, and the codes that their device would show."""

from __future__ import annotations

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache

from alertadmin.accounts.models import User
from alertadmin.registry.models import MfaSecret

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SEED = "5e" * 40


def add_app(user: User) -> Authenticator:
    """Add an authenticator app with SECRET and no used code, and ten recovery codes."""
    cache.clear()
    _add(user, "recovery_codes", "seed", SEED, used_mask=0)
    return _add(user, "totp", "secret", SECRET)


def _add(user: User, kind: str, name: str, value: str, **data: int) -> Authenticator:
    secret = MfaSecret(person=user)
    secret.value = value
    secret.save()
    made: Authenticator = Authenticator.objects.create(user=user, type=kind, data={name: str(secret.pk), **data})
    return made


def code(at: float | None = None, secret: str = SECRET) -> str:
    """The app's code at that time in seconds (default now)."""
    return str(format_hotp_value(hotp_value(secret, int(time.time() if at is None else at) // 30)))


def recovery_codes(user: User) -> list[str]:
    return list(Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes())
