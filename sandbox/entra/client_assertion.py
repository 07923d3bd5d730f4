"""Validation of client assertions: JWTs that an app signs with its certificate instead of sending a secret.

Source: Microsoft identity platform, "Application authentication certificate credentials".
"""

from __future__ import annotations

import base64
import time
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.entra.errors import EntraRefusal, ErrorSubject
from sandbox.state.models import Certificate

ALGORITHMS = ["RS256", "PS256"]


def check_assertion(token: str, certificates: list[Certificate], audiences: list[str], subject: ErrorSubject) -> None:
    """Raises EntraRefusal unless one of `certificates` signed `token` for one of `audiences`, in time, for this app."""
    try:
        header = jwt.get_unverified_header(token)
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise EntraRefusal(50027, subject) from None
    certificate = _named(header, certificates, subject)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise EntraRefusal(700027, subject, "The key was found, but it is not an RSA key.")
    unchecked: jwt.types.Options = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        jwt.decode(token, key, algorithms=ALGORITHMS, options=unchecked)
    except jwt.InvalidTokenError:
        reason = "The key was found, but use of the key to verify the signature failed."
        raise EntraRefusal(700027, subject, reason) from None
    _check_time(certificate, claims, subject)
    named = [claims.get("aud")] if isinstance(claims.get("aud"), str) else claims.get("aud") or []
    if not set(named) & set(audiences):
        raise EntraRefusal(700023, subject)
    if str(claims.get("iss", "")).lower() != subject.client_id or claims.get("sub") != claims.get("iss"):
        raise EntraRefusal(700021, subject)


def _named(header: dict[str, Any], certificates: list[Certificate], subject: ErrorSubject) -> x509.Certificate:
    """The registered certificate whose SHA-1 (x5t) or SHA-256 (x5t#S256) thumbprint the header names."""
    for registered in certificates:
        certificate = x509.load_pem_x509_certificate(registered.pem.encode())
        for name, algorithm in (("x5t#S256", hashes.SHA256()), ("x5t", hashes.SHA1())):  # noqa: S303 - the name of a key, not its proof
            if header.get(name) and _thumbprint(header[name]) == certificate.fingerprint(algorithm):
                return certificate
    sent = _thumbprint(header.get("x5t") or header.get("x5t#S256") or "").hex().upper()
    reason = (
        f"The key was not found., Thumbprint of key used by client: '{sent}', Please visit the Azure Portal, Graph "
        f"Explorer or directly use MS Graph to see configured keys for app Id '{subject.client_id}'."
    )
    raise EntraRefusal(700027, subject, reason)


def _check_time(certificate: x509.Certificate, claims: dict[str, Any], subject: ErrorSubject) -> None:
    now = time.time()
    if not certificate.not_valid_before_utc.timestamp() <= now <= certificate.not_valid_after_utc.timestamp():
        raise EntraRefusal(700027, subject, "The key used is expired.")
    expires, begins = float(claims.get("exp", 0)), float(claims.get("nbf", 0))
    if not begins - 300 <= now <= expires + 300:
        spoken = f"Current time: {_utc_text(now)}, assertion valid from {_utc_text(begins)}, expiry time of assertion "
        raise EntraRefusal(700024, subject, f"{spoken}{_utc_text(expires)}.")


def _thumbprint(encoded: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return b""


def _utc_text(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
