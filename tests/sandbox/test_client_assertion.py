"""Apps that authenticate with a certificate."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox import Sandbox
from tests.sandbox.conftest import GRAPH_SCOPE, Ask, Customer


def certificate(days: int = 30) -> tuple[str, str]:
    """PEM of the certificate and of its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alert")])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(end - timedelta(days=90)).not_valid_after(end).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


@pytest.mark.parametrize("thumbprint", [hashes.SHA256(), hashes.SHA1()])
def test_a_registered_certificate_gets_a_token(
    ask: Ask, sandbox: Sandbox, customer: Customer, thumbprint: hashes.HashAlgorithm
) -> None:
    public, private = certificate()
    sandbox.directory.add_certificate(customer.app, public)
    credential: dict[str, Any] = {"private_key": private, "public_certificate": public}
    if isinstance(thumbprint, hashes.SHA1):
        loaded = x509.load_pem_x509_certificate(public.encode())
        credential = {"private_key": private, "thumbprint": loaded.fingerprint(thumbprint).hex()}
    answer = ask(credential=credential)
    assert jwt.decode(answer["access_token"], options={"verify_signature": False})["appidacr"] == "2"


def test_a_certificate_that_is_not_registered_is_refused_with_its_thumbprint(ask: Ask) -> None:
    public, private = certificate()
    answer = ask(credential={"private_key": private, "public_certificate": public})
    assert answer["error_codes"] == [700027]
    assert (
        x509.load_pem_x509_certificate(public.encode()).fingerprint(hashes.SHA256()).hex().upper()
        in (answer["error_description"])
    )


def test_the_key_must_belong_to_the_certificate(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    public, _ = certificate()
    _, stranger = certificate()
    sandbox.directory.add_certificate(customer.app, public)
    answer = ask(credential={"private_key": stranger, "public_certificate": public})
    assert answer["error_codes"] == [700027]
    assert "verify the signature failed" in answer["error_description"]


def test_an_expired_certificate_is_refused(ask: Ask, sandbox: Sandbox, customer: Customer) -> None:
    public, private = certificate(days=-1)
    sandbox.directory.add_certificate(customer.app, public)
    answer = ask(credential={"private_key": private, "public_certificate": public})
    assert "The key used is expired" in answer["error_description"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "https://elsewhere.example/oauth2/v2.0/token"}, 700023),
        ({"exp": time.time() - 3600}, 700024),
        ({"nbf": time.time() + 3600}, 700024),
        ({"iss": str(uuid.UUID(int=1)), "sub": str(uuid.UUID(int=1))}, 700021),
    ],
)
def test_assertion_must_match_audience_time_and_app(
    sandbox: Sandbox, session: requests.Session, customer: Customer, changes: dict[str, Any], code: int
) -> None:
    public, private = certificate()
    sandbox.directory.add_certificate(customer.app, public)
    url = f"{sandbox.url}/{customer.tenant.directory_id}/oauth2/v2.0/token"
    thumbprint = x509.load_pem_x509_certificate(public.encode()).fingerprint(hashes.SHA256())
    mine = customer.app.client_id
    claims = {"aud": url, "iss": mine, "sub": mine, "exp": time.time() + 600, "nbf": time.time(), **changes}
    header = {"x5t#S256": jwt.utils.base64url_encode(thumbprint).decode()}
    form = {
        "grant_type": "client_credentials",
        "client_id": mine,
        "scope": GRAPH_SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, private, "PS256", headers=header),
    }
    assert session.post(url, data=form, timeout=10).json()["error_codes"] == [code]
