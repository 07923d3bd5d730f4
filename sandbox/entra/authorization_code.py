"""Sign-in with a work account: authorization codes, their redemption, and the claims of ID tokens.

Source: Microsoft identity platform, "OAuth 2.0 authorization code flow", "ID token claims reference", "Configure group
claims"; RFC 7636 for PKCE.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from sandbox.entra.errors import EntraRefusal, ErrorSubject
from sandbox.entra.tokens import LIFETIME, Tokens
from sandbox.server.http_server import Response
from sandbox.state.directory import Directory
from sandbox.state.models import SandboxApp, SandboxPerson

CODE_SECONDS = 600
MAX_GROUPS = 200
"""In a JWT; with more groups the token has none, but a URL to request them from."""
MEMBERS = "https://graph.windows.net/{tenant}/users/{person}/getMemberObjects"
"""That URL is of the older Azure AD Graph, as in Microsoft's tokens."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The parameters of an authorization request. `challenge` and `method` are PKCE's."""

    app: SandboxApp
    redirect_uri: str
    scopes: list[str]
    nonce: str = ""
    challenge: str = ""
    method: str = ""


@dataclass(slots=True)
class AuthorizationCode:
    """A code for one request and person; `ends` is Unix time."""

    asked: AuthorizationRequest
    person: SandboxPerson
    ends: float
    is_used: bool = False


class Authorization:
    """Issues and redeems authorization codes."""

    def __init__(self, base_url: str, directory: Directory, tokens: Tokens) -> None:
        self._base_url = base_url
        self._directory = directory
        self._tokens = tokens
        self._codes: dict[str, AuthorizationCode] = {}
        self._lock = threading.Lock()

    def grant(self, asked: AuthorizationRequest, person: SandboxPerson) -> str:
        """Issue a code, valid once and for ten minutes."""
        value = f"1.{secrets.token_urlsafe(300)}"
        with self._lock:
            self._codes[value] = AuthorizationCode(asked, person, time.time() + CODE_SECONDS)
        return value

    def expire_codes(self) -> None:
        """Let all codes expire now."""
        with self._lock:
            for one in self._codes.values():
                one.ends = 0

    def redeem(self, app: SandboxApp, form: dict[str, str], subject: ErrorSubject) -> Response:
        """Redeem a code for an authenticated application. Raises EntraRefusal."""
        for parameter in ("code", "redirect_uri"):
            if not form.get(parameter):
                raise EntraRefusal(900144, subject, parameter)
        with self._lock:
            code = self._codes.get(form["code"])
            if code is None or code.asked.app.client_id != app.client_id:
                raise EntraRefusal(9002313, subject)
            if code.is_used:
                raise EntraRefusal(54005, subject)
            if code.ends <= time.time():
                raise EntraRefusal(70008, subject)
            if form["redirect_uri"] != code.asked.redirect_uri:
                raise EntraRefusal(500112, subject, form["redirect_uri"])
            if not _is_proven(code.asked, form.get("code_verifier", "")):
                raise EntraRefusal(501481, subject)
            code.is_used = True
        return self._issue(code)

    def _issue(self, code: AuthorizationCode) -> Response:
        asked, person = code.asked, code.person
        # "User.Read" is added, as in Entra: the token of the identity scopes is for Graph.
        scopes = [*dict.fromkeys([one for one in asked.scopes if one != "offline_access"] + ["User.Read"])]
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(scopes),
            "expires_in": LIFETIME - 1,
            "ext_expires_in": LIFETIME - 1,
            "access_token": self._tokens.issue_for_member(asked.app, person, scopes),
        }
        if "openid" in asked.scopes:
            issuer = f"{self._base_url}/{person.tenant_id}/v2.0"
            answer["id_token"] = self._tokens.identify_member(asked.app, person, issuer, _claims(asked, person))
        return Response.of_json(answer)

    def user_info(self, authorization: str) -> dict[str, str]:
        """The response of Graph's /oidc/userinfo for a bearer token. Raises TokenRefused."""
        claims = self._tokens.read(authorization)
        person = self._directory.person(str(claims["oid"]))
        told = {
            "sub": str(claims["sub"]),
            "name": person.name,
            "picture": "https://graph.microsoft.com/v1.0/me/photo/$value",
        }
        return {**told, "email": person.mail} if person.mail and "email" in str(claims["scp"]).split() else told


def _is_proven(asked: AuthorizationRequest, verifier: str) -> bool:
    """Whether the verifier matches the request's PKCE challenge."""
    if not asked.challenge:
        return not verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() if asked.method == "S256" else verifier
    return hmac.compare_digest(expected, asked.challenge)


def _claims(asked: AuthorizationRequest, person: SandboxPerson) -> dict[str, Any]:
    """The claims of an ID token that depend on the scopes and the application's manifest."""
    claims: dict[str, Any] = {}
    if asked.nonce:
        claims["nonce"] = asked.nonce
    if "profile" in asked.scopes:
        claims |= {"name": person.name, "oid": person.object_id, "preferred_username": person.username}
    if "email" in asked.scopes and person.mail:
        claims["email"] = person.mail
    if roles := person.app_roles.get(asked.app.client_id):
        claims["roles"] = roles
    if person.methods:
        claims["amr"] = person.methods
    if person.contexts:
        claims["acrs"] = person.contexts
    return {**claims, **_groups(asked.app, person)}


def _groups(app: SandboxApp, person: SandboxPerson) -> dict[str, Any]:
    groups = person.groups
    if app.group_claims == "ApplicationGroup":
        groups = [one for one in groups if one in app.assigned_groups]
    if app.group_claims is None or not groups:
        return {}
    if len(groups) <= MAX_GROUPS:
        return {"groups": groups}
    where = MEMBERS.format(tenant=person.tenant_id, person=person.object_id)
    return {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": where}}}
