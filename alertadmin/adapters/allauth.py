"""Functions of django-allauth's `internal` packages, which may change in any release (checked with 65.21).

allauth's public views combine each step with its own URLs, templates and rate limits. alertadmin has its own pages, so
it calls the steps directly.
"""

from __future__ import annotations

# Which factors this session has proved, and when. The public API has no reader and no writer for these records.
from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
    perform_password_login,
    record_authentication,
)

# Forget a sign-in that waits for its second factor. Publicly only the end of the whole session does this.
from allauth.account.internal.stagekit import clear_login

# Compare codes as allauth does: the throttle must count two spellings of one code as one.
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.base.internal.flows import delete_and_cleanup, post_authentication
from allauth.mfa.recovery_codes.internal.flows import can_generate_recovery_codes, generate_recovery_codes
from allauth.mfa.totp.internal.auth import generate_totp_secret, validate_totp_code
from allauth.mfa.totp.internal.flows import activate_totp

# The WebAuthn ceremonies. The public forms call them too, and offer no way to compare the origin and the counter first.
from allauth.mfa.webauthn.internal.auth import begin_authentication as begin_passkey_authentication
from allauth.mfa.webauthn.internal.auth import begin_registration as begin_passkey_registration
from allauth.mfa.webauthn.internal.auth import complete_authentication as complete_passkey_authentication
from allauth.mfa.webauthn.internal.auth import parse_authentication_response as parse_passkey_response
from allauth.mfa.webauthn.internal.flows import add_authenticator as add_passkey
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login

# The key of a JWKS document by its `kid`. allauth's own fetch follows redirects and trusts the usual authorities.
from allauth.socialaccount.internal.jwtkit import lookup_kid_jwk

__all__ = [
    "AUTHENTICATION_METHODS_SESSION_KEY",
    "activate_totp",
    "add_passkey",
    "begin_passkey_authentication",
    "begin_passkey_registration",
    "can_generate_recovery_codes",
    "clear_login",
    "complete_passkey_authentication",
    "delete_and_cleanup",
    "generate_recovery_codes",
    "generate_totp_secret",
    "get_authentication_records",
    "lookup_kid_jwk",
    "normalize_user_code",
    "parse_passkey_response",
    "perform_password_login",
    "perform_passwordless_login",
    "post_authentication",
    "record_authentication",
    "validate_totp_code",
]
