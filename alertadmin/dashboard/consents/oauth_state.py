"""The `state` parameter of Microsoft's consent page: signed, and valid for one consent, user and browser session,
once, for ten minutes. A callback without a valid state changes nothing."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core import signing
from django.http import HttpRequest

GOOD_FOR = timedelta(minutes=10)
SALT = "alertadmin.consent"


class Forged(Exception):
    """The signature is not from this installation."""


class Expired(Exception):
    """Signed more than ten minutes ago."""


@dataclass(frozen=True)
class OAuthState:
    consent: UUID
    session: str
    """Digest of the session in which it was created."""
    nonce: str

    def is_of(self, request: HttpRequest) -> bool:
        return secrets.compare_digest(self.session, _session_of(request))


def create_state(consent: UUID, request: HttpRequest) -> str:
    return signing.dumps([consent.hex, _session_of(request), secrets.token_urlsafe(16)], salt=SALT)


def read(text: str) -> OAuthState:
    """Verify and parse a state. Raises Forged or Expired."""
    try:
        consent, session, nonce = signing.loads(text, salt=SALT, max_age=GOOD_FOR)
        return OAuthState(UUID(consent), session, nonce)
    except signing.SignatureExpired:
        raise Expired from None
    except (signing.BadSignature, ValueError, TypeError):
        raise Forged from None


def _session_of(request: HttpRequest) -> str:
    """Digest of the session; the session key changes at each sign-in."""
    return hashlib.sha256(f"{request.user.pk}:{request.session.session_key}".encode()).hexdigest()
