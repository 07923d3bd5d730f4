"""ID tokens and provider metadata: forged, foreign or unavailable ones let no user in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests

from alertadmin.accounts.models import User
from sandbox.entra.tokens import Tokens
from tests.accounts.oidc.conftest import OWNERS, Entra
from tests.accounts.oidc.test_signing_in import give, refusals

Claims = dict[str, Any]


def forged(change: Callable[[Claims], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider says something else in its ID tokens, well signed."""
    real = Tokens.identify_member

    def identify(self: Tokens, *args: Any) -> str:
        token = real(self, *args)
        claims = jwt.decode(token, options={"verify_signature": False})
        change(claims)
        return jwt.encode(claims, self._key, "RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})

    monkeypatch.setattr(Tokens, "identify_member", identify)


OTHER_TENANT = "99999999-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda claims: claims.update(tid=OTHER_TENANT), "provider"),
        (lambda claims: claims.update(iss=claims["iss"].replace(claims["tid"], OTHER_TENANT)), "provider"),
        (lambda claims: claims.update(aud="another application"), "provider"),
        (lambda claims: claims.update(azp="another application"), "provider"),
        (lambda claims: claims.update(exp=claims["iat"] - 3600), "provider"),
        (lambda claims: claims.update(nbf=claims["exp"] - 60), "provider"),
        (lambda claims: claims.update(nonce="of another sign-in"), "nonce"),
        (lambda claims: claims.pop("nonce"), "nonce"),
        (lambda claims: claims.pop("oid"), "provider"),
        (lambda claims: claims.pop("tid"), "provider"),
        (lambda claims: claims.update(oid=["a", "b"]), "provider"),
    ],
)
def test_a_token_of_anything_else_lets_nobody_in(
    entra: Entra, change: Callable[[Claims], None], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(entra, OWNERS)
    forged(change, monkeypatch)
    entra.sign_in()
    assert (entra.is_in, User.objects.count(), refusals()) == (False, 0, [reason])


def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    give(entra, OWNERS)
    real = Tokens.identify_member

    def identify(self: Tokens, *args: Any) -> str:
        head, body, _signature = real(self, *args).split(".")
        return f"{head}.{body}.{'A' * 342}"

    monkeypatch.setattr(Tokens, "identify_member", identify)
    entra.sign_in()
    assert (entra.is_in, refusals()) == (False, ["provider"])


def test_metadata_of_another_issuer_are_not_gone_by(entra: Entra) -> None:
    """As a provider for all tenants answers: its issuer names none."""
    url = f"{entra.sandbox.url}/{entra.tenant.directory_id}/v2.0/.well-known/openid-configuration"
    metadata = requests.get(url, verify=str(entra.sandbox.ca_file), timeout=10).json()
    of_all = {**metadata, "issuer": f"{entra.sandbox.url}/{{tenantid}}/v2.0"}
    entra.sandbox.faults.add(service="discovery", body=of_all, status=200)
    page = entra.client.post("/sign-in/with/northpark/", follow=True)
    assert "Northpark does not respond correctly." in page.content.decode()


def test_a_provider_that_is_away_leaves_the_password(entra: Entra) -> None:
    entra.sandbox.faults.add(service="discovery", status=503)
    page = entra.client.post("/sign-in/with/northpark/", follow=True)
    assert "Northpark does not respond correctly." in page.content.decode()
    assert 'name="password"' in page.content.decode()


def test_an_expired_client_secret_is_told_by_entras_number(entra: Entra) -> None:
    directory = entra.sandbox.directory
    directory.expire_secret(entra.app, directory.secrets(entra.app)[0])
    entra.sign_in()
    assert "Northpark did not say who you are (AADSTS7000222)." in entra.told()
