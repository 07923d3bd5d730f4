"""Checks of an ID token beyond signature, issuer and times (OpenID Connect Core 3.1.3.7). No I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

Claims = Mapping[str, Any]

HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512, "EdDSA": hashlib.sha512}
"""Hash by the last three characters of `alg`; Ed25519 uses SHA-512."""

KINDS_OF_FACTOR = (
    frozenset({"pwd", "pin", "kba"}),
    frozenset({"otp", "sms", "tel", "hwk", "swk", "sc", "pop"}),
    frozenset({"face", "fpt", "iris", "retina", "vbm"}),
)
"""Knowledge, possession and biometrics: values of `amr` in RFC 8176, section 2."""


class BadIdToken(ValueError):
    """The message is for the log only and contains nothing of the token."""


def check_parties(claims: Claims, client_id: str) -> None:
    """Check the authorised party. Raises BadIdToken. The caller has checked that `aud` contains the client id.

    A token with several audiences must name the client id in `azp` (3.1.3.7, steps 3 to 5).
    """
    audience, party = claims.get("aud"), claims.get("azp")
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise BadIdToken("It has several audiences and no azp.")
    if party is not None and party != client_id:
        raise BadIdToken("It was issued to another application.")


def check_access_token(claims: Claims, algorithm: str, access_token: str) -> None:
    """Check that `at_hash`, if present, matches the access token. Raises BadIdToken."""
    if "at_hash" not in claims:
        return
    hashed = HASHES.get(algorithm if algorithm == "EdDSA" else algorithm[-3:])
    if hashed is None:
        raise BadIdToken("Its algorithm has no hash.")
    digest = hashed(access_token.encode("utf-8", "surrogatepass")).digest()
    expected = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    said = claims["at_hash"]
    if not isinstance(said, str) or not said.isascii() or not hmac.compare_digest(said, expected):
        raise BadIdToken("Its at_hash is of another access token.")


def shows_second_factor(claims: Claims, context: str | None) -> bool:
    """Whether the provider verified two factors of different kinds at this sign-in.

    `context` is the authentication context of Entra's Conditional Access that `acrs` must contain; without one, `amr`
    decides.
    """
    if context is not None:
        return context in _texts(claims.get("acrs"))
    methods = _texts(claims.get("amr"))
    return "mfa" in methods or sum(bool(kind & methods) for kind in KINDS_OF_FACTOR) > 1


def _texts(value: object) -> set[str]:
    return {one for one in value if isinstance(one, str)} if isinstance(value, list) else set()
