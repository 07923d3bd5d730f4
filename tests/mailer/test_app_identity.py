"""Apps with a certificate; invalid ones are refused before any request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from mailer.errors import SendError
from mailer.tokens import AppIdentity, ClientCertificate, ClientSecret, acquire
from sandbox import Sandbox
from tests.mailer.conftest import Customer, app_of
from tests.mailer.https_server import HttpsServer

PASSPHRASE = "the bearer of this key"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem(key: Key, encryption: KeySerializationEncryption | None = None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def public(key: Key, days: int = 30) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alert")])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(end - timedelta(days=90)).not_valid_after(end).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def by(customer: Customer, credential: ClientCertificate) -> AppIdentity:
    return replace(customer.identity, credential=credential)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_registered_certificate_gets_a_token(
    customer: Customer, sandbox: Sandbox, key: rsa.RSAPrivateKey, passphrase: str | None
) -> None:
    sandbox.directory.add_certificate(customer.app, public(key))
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else None
    credential = ClientCertificate(pem(key, encryption), public(key), passphrase)
    sandbox.directory.add_certificate(customer.app, credential.public_certificate)
    assert acquire(by(customer, credential), customer.cloud.graph_scope).roles == ("Mail.Send",)


def test_unregistered_certificate_is_wrong(customer: Customer, key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(SendError) as caught:
        acquire(by(customer, ClientCertificate(pem(key), public(key))), customer.cloud.graph_scope)
    assert caught.value.cause == "certificate_wrong"
    assert "AADSTS700027" in caught.value.technical


@pytest.mark.parametrize(
    "fault", ["no key", "no certificate", "passphrase missing", "passphrase too many", "not a pair", "not RSA"]
)
def test_invalid_certificate_is_refused_before_any_request(
    other: HttpsServer, key: rsa.RSAPrivateKey, fault: str
) -> None:
    locked = pem(key, BestAvailableEncryption(PASSPHRASE.encode()))
    curve = ec.generate_private_key(ec.SECP256R1())
    credential, sentence = {
        "no key": (ClientCertificate("nonsense", public(key)), "The private key cannot be read"),
        "no certificate": (ClientCertificate(pem(key), "nonsense"), "The certificate cannot be read"),
        "passphrase missing": (ClientCertificate(locked, public(key)), "The private key cannot be read"),
        "passphrase too many": (ClientCertificate(pem(key), public(key), PASSPHRASE), "The private key cannot be read"),
        "not a pair": (ClientCertificate(pem(key), public(curve)), "do not match"),
        "not RSA": (
            ClientCertificate(pem(curve), public(curve)),
            "The private key is not an RSA key; Entra accepts no other.",
        ),
    }[fault]
    with pytest.raises(SendError) as caught:
        acquire(replace(app_of(other.cloud()), credential=credential), "x/.default")
    assert caught.value.cause == "certificate_wrong"
    assert sentence in caught.value.technical
    assert other.requests == []


def test_repr_contains_no_secret(customer: Customer, key: rsa.RSAPrivateKey) -> None:
    identity = by(customer, ClientCertificate(pem(key), public(key), PASSPHRASE))
    assert "PRIVATE" not in repr(identity)
    assert PASSPHRASE not in repr(identity)
    assert identity.secrets == (pem(key), PASSPHRASE)
    assert "hush" not in repr(replace(identity, credential=ClientSecret("hush")))
