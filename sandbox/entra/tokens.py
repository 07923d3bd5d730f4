"""Access tokens for Graph and Exchange, valid for an hour: version 1.0 JWTs with RS256, as Entra ID issues them for
apps. For personal accounts the JWT is base64-encoded, so that the token is opaque for clients.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
import uuid
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.state.models import CONSUMERS, GRAPH, SandboxApp, SandboxMailbox, SandboxPerson, SandboxTenant

LIFETIME = 3600
BACKDATED_SECONDS = 300
"""Tokens of a work account are valid from this long ago, for clients whose clocks are behind."""
OPAQUE = "EwB4"
"""The prefix of access tokens of personal accounts."""
Claims = dict[str, Any]


class TokenRefused(ValueError):
    """The bearer token was not issued here, was changed, or has expired."""


class Tokens:
    """Issues and verifies tokens with one RSA key."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self._public = key.public_key()
        spki = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self._key_id = _base64url(hashlib.sha256(spki).digest()[:20])
        # A token's signature is verified once and cached; its expiry is checked each time.
        self._verified = lru_cache(maxsize=4096)(self._verify)

    def issue(
        self, app: SandboxApp, tenant: SandboxTenant, audience: str, roles: list[str], by_certificate: bool = False
    ) -> str:
        now = int(time.time())
        principal = str(uuid.uuid5(uuid.UUID(tenant.directory_id), app.client_id))
        claims: Claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant.directory_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "app_displayname": app.name,
            "appid": app.client_id,
            "appidacr": "2" if by_certificate else "1",
            "idp": f"https://sts.windows.net/{tenant.directory_id}/",
            "idtyp": "app",
            "oid": principal,
            "sub": principal,
            "tid": tenant.directory_id,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
        }
        if roles:
            claims["roles"] = roles
        return jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id, "x5t": self._key_id})

    def issue_for_person(self, app: SandboxApp, account: SandboxMailbox, audience: str, scopes: list[str]) -> str:
        """A delegated token of a personal account: permissions in `scp`, no roles."""
        now = int(time.time())
        claims: Claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{CONSUMERS}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "appid": app.client_id,
            "appidacr": "0",
            "idtyp": "user",
            "oid": account.object_id,
            "scp": " ".join(scopes),
            "tid": CONSUMERS,
            "ver": "1.0",
            "uti": secrets.token_urlsafe(16),
        }
        signed = jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id})
        return OPAQUE + base64.b64encode(signed.encode()).decode()

    def identify(self, app: SandboxApp, account: SandboxMailbox, issuer: str) -> str:
        """An ID token of a personal account, version 2.0."""
        now = int(time.time())
        claims: Claims = {
            "ver": "2.0",
            "iss": issuer,
            "aud": app.client_id,
            "iat": now,
            "nbf": now,
            "exp": now + 86_400,
            "sub": secrets.token_urlsafe(32),
            "oid": account.object_id,
            "tid": CONSUMERS,
            "name": account.address.partition("@")[0],
            "preferred_username": account.address,
        }
        return jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id})

    def issue_for_member(self, app: SandboxApp, person: SandboxPerson, scopes: list[str]) -> str:
        """A delegated token of a work account, for Graph."""
        now = int(time.time())
        claims: Claims = {
            "aud": GRAPH,
            "iss": f"https://sts.windows.net/{person.tenant_id}/",
            "iat": now - BACKDATED_SECONDS,
            "nbf": now - BACKDATED_SECONDS,
            "exp": now + LIFETIME,
            "app_displayname": app.name,
            "appid": app.client_id,
            "appidacr": "1",
            "idtyp": "user",
            "name": person.name,
            "oid": person.object_id,
            "scp": " ".join(scopes),
            "sub": pairwise(GRAPH, person),
            "tid": person.tenant_id,
            "unique_name": person.username,
            "upn": person.username,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id, "x5t": self._key_id})

    def identify_member(self, app: SandboxApp, person: SandboxPerson, issuer: str, claims: Claims) -> str:
        """An ID token of a work account, version 2.0; `claims` are those that depend on the request."""
        now = int(time.time())
        always: Claims = {
            "aud": app.client_id,
            "iss": issuer,
            "iat": now - BACKDATED_SECONDS,
            "nbf": now - BACKDATED_SECONDS,
            "exp": now + LIFETIME,
            "rh": f"1.{secrets.token_urlsafe(32)}",
            "sub": pairwise(app.client_id, person),
            "tid": person.tenant_id,
            "uti": secrets.token_urlsafe(16),
            "ver": "2.0",
        }
        return jwt.encode({**always, **claims}, self._key, "RS256", headers={"kid": self._key_id})

    def read(self, authorization: str) -> Claims:
        """The claims of an `Authorization: Bearer` value. Raises TokenRefused."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise TokenRefused("Access token is empty.")
        return self.read_token(token.strip())

    def read_token(self, token: str) -> Claims:
        claims = self._verified(_unwrapped(token))
        if claims["exp"] <= time.time():
            raise TokenRefused("Lifetime validation failed, the token is expired.")
        return claims

    def jwks(self) -> dict[str, object]:
        numbers = self._public.public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        exponent = numbers.e.to_bytes(3, "big")
        # Without `alg`, as at Microsoft; the metadata names the algorithm.
        key = {"kty": "RSA", "use": "sig", "kid": self._key_id, "x5t": self._key_id}
        return {"keys": [{**key, "n": _base64url(modulus), "e": _base64url(exponent)}]}

    def _verify(self, token: str) -> Claims:
        try:
            claims: Claims = jwt.decode(
                token, self._public, algorithms=["RS256"], options={"verify_aud": False, "verify_exp": False}
            )
        except jwt.DecodeError as error:
            malformed = not isinstance(error, jwt.InvalidSignatureError)
            text = "CompactToken parsing failed with error code: 80049217" if malformed else "Signature is invalid."
            raise TokenRefused(f"IDX14100: JWT is not well formed. {text}" if malformed else text) from None
        except jwt.InvalidTokenError:
            raise TokenRefused("CompactToken validation failed.") from None
        return claims


def pairwise(audience: str, person: SandboxPerson) -> str:
    """The pairwise subject of a person: different for each application, the same at each sign-in."""
    return _base64url(hashlib.sha256(f"{audience}/{person.tenant_id}/{person.object_id}".encode()).digest())


def _unwrapped(token: str) -> str:
    if not token.startswith(OPAQUE):
        return token
    try:
        return base64.b64decode(token.removeprefix(OPAQUE), validate=True).decode()
    except ValueError:  # no base64, or no text
        return token


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
