"""The part of OpenID Connect that django-allauth leaves out: full verification of the ID token."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from alertadmin.accounts.oidc import claims
from alertadmin.accounts.oidc.http_session import FRESH, KEYS_AGAIN, ProviderSession, document, json_of
from alertadmin.accounts.oidc.id_token import BadIdToken, check_access_token, check_parties
from alertadmin.accounts.oidc.provider import Provider
from alertadmin.adapters.allauth import lookup_kid_jwk

CLOCKS_DIFFER = timedelta(minutes=2)
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Only asymmetric algorithms, by keys that the provider publishes."""
TOKEN_ERRORS = (jwt.PyJWTError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""Errors of PyJWT for malformed tokens and keys: OverflowError for an infinite time, RecursionError for deep nesting,
NotImplementedError for a key with the algorithm "none"."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


_AUTHORITIES: ContextVar[str | None] = ContextVar("authorities", default=None)
"""CA file of the provider being called; None: the system's authorities."""


def provider_session() -> ProviderSession:
    """HTTP session for calls to the current sign-in's provider."""
    return ProviderSession(_AUTHORITIES.get())


@contextmanager
def verify_ca(ca_file: str | None) -> Iterator[None]:
    token = _AUTHORITIES.set(ca_file)
    try:
        yield
    finally:
        _AUTHORITIES.reset(token)


class OidcProtocol(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """The protocol of one sign-in. Raises OAuth2Error for every invalid response."""

    @property
    def openid_config(self) -> dict[str, Any]:
        if not hasattr(self, "_openid_config"):
            provider: SignInProvider = self.get_provider()
            known = provider.known
            self._openid_config = document(
                provider.server_url, known.ca_file, lambda said: _check_metadata(said, known)
            )
        return dict(self._openid_config)

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        with verify_ca(self.get_provider().known.ca_file):
            data: dict[str, Any] = super().get_access_token_data(*args, **kwargs)
        return data

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Built from PUBLIC_URL, regardless of the request's Host header."""
        return f"{settings.PUBLIC_URL}{self.get_provider().get_callback_url()}"

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        provider: SignInProvider = self.get_provider()
        id_token = kwargs["response"].get("id_token") or ""
        said = self._verified_claims(app, id_token)
        try:
            check_parties(said, app.client_id)
            check_access_token(said, str(jwt.get_unverified_header(id_token)["alg"]), str(token.token))
        except BadIdToken as error:
            raise OAuth2Error(f"The ID token is invalid: {error}") from error
        if provider.known.user_info:
            said = {**self._verified_user_info(provider.known, token.token, said["sub"]), **said}
        return provider.sociallogin_from_response(request, {"id_token": said})

    def _verified_claims(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        known = self.get_provider().known
        try:
            key = self._signing_key(id_token)
            said: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=ALGORITHMS,
                audience=app.client_id,
                issuer=known.issuer,
                leeway=CLOCKS_DIFFER,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except TOKEN_ERRORS as error:
            raise OAuth2Error(f"The ID token is invalid: {type(error).__name__}.") from error
        return said

    def _signing_key(self, id_token: str) -> Any:
        """The published key with the token's `kid`. Raises LookupError, and PyJWT's errors for a malformed token."""
        named = jwt.get_unverified_header(id_token)["kid"]
        url, ca_file = self.openid_config["jwks_uri"], self.get_provider().known.ca_file
        for newer_than in (FRESH, KEYS_AGAIN):  # a provider changes its keys
            published = document(url, ca_file, _check_keys, newer_than=newer_than)
            if key := lookup_kid_jwk(published, named):
                return key
        raise LookupError(named)

    def _verified_user_info(self, known: Provider, access_token: str, subject: str) -> dict[str, Any]:
        """Claims from the userinfo endpoint, which must be about the same subject."""
        url = self.openid_config.get("userinfo_endpoint")
        if not _is_https(url):
            raise OAuth2Error("The provider names no userinfo endpoint.")
        with verify_ca(known.ca_file), provider_session() as session:
            said = json_of(session.get(str(url), headers={"Authorization": f"Bearer {access_token}"}))
        if said.get("sub") != subject:
            raise OAuth2Error("The userinfo endpoint describes another subject.")
        return said


class SignInProvider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no types
    """A provider of the operator's file, in allauth's interface."""

    oauth2_adapter_class = OidcProtocol

    def __init__(self, request: HttpRequest, known: Provider) -> None:
        super().__init__(request, app=known.app())
        self.known = known

    def address(self, request: HttpRequest, process: str, next_url: str = "", **login_state: str) -> str:
        """The provider's authorisation URL, valid once and for this browser. `login_state` is restored after
        the sign-in.

        Raises OAuth2Error, requests.RequestException.
        """
        nonce = secrets.token_urlsafe(32)
        params = {"nonce": nonce}
        if context := self.known.second_factor_context:
            params["claims"] = json.dumps({"id_token": {"acrs": {"essential": True, "value": context}}})
        response = self.redirect(
            request, process, next_url=next_url, data={"nonce": nonce, **login_state}, auth_params=params
        )
        return str(response["Location"])

    def sociallogin_from_response(self, request: HttpRequest, response: dict[str, Any]) -> SocialLogin:
        try:
            identity = claims.read(response["id_token"], self.known)
        except claims.ClaimMismatch as error:
            raise OAuth2Error(str(error)) from error
        login = super().sociallogin_from_response(request, {**response, "uid": identity.uid})
        login.identity, login.nonce = identity, response["id_token"].get("nonce")
        request.second_factor_shown = identity.showed_second_factor  # type: ignore[attr-defined]
        return login

    def extract_uid(self, data: dict[str, Any]) -> str:
        return str(data["uid"])

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Claims stored with the link, from which administrators recognise the account."""
        said = data["id_token"]
        details = {name: said.get(name) for name in ("iss", "sub", "oid", "tid", "preferred_username")}
        return {name: claims.single_line(value, 255) for name, value in details.items() if isinstance(value, str)}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """None: the provider's address never links a sign-in to an account."""
        return []

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}

    def get_callback_url(self) -> str:
        return reverse("openid_connect_callback", kwargs={"provider_id": self.app.provider_id})


def _check_metadata(said: dict[str, Any], known: Provider) -> None:
    """Check that the metadata are the configured issuer's and that all endpoints use https. Raises OAuth2Error."""
    if said.get("issuer") != known.issuer:
        raise OAuth2Error(f"The metadata are of {said.get('issuer')!r}, not of {known.issuer}.")
    for endpoint in ENDPOINTS:
        if not _is_https(said.get(endpoint)):
            raise OAuth2Error(f"The metadata name no https address as {endpoint}.")


def _check_keys(said: dict[str, Any]) -> None:
    keys = said.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) and "kid" in key for key in keys):
        raise OAuth2Error("The provider publishes no keys.")


def _is_https(url: object) -> bool:
    try:
        return isinstance(url, str) and urlsplit(url).scheme == "https" and bool(urlsplit(url).hostname)
    except ValueError:
        return False
