"""Key files: PFX or PEM, with or without passphrase, with a chain, without a key, of unsupported kinds."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.registry.credentials import certificates, key_file_reader
from alertadmin.registry.credentials.certificates import KeyPair
from mailer.app_identity import ClientCertificate, msal_credential

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PLAIN = NoEncryption()
PROTECTED = BestAvailableEncryption(b"open sesame")


@cache
def made(name: str = "ALERT") -> KeyPair:
    return certificates.generate(name, now=START, lasts=timedelta(days=365))


def key_of(pair: KeyPair) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pair.private_key.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def certificate_of(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.encode())


def pfx(
    pair: KeyPair, protection: KeySerializationEncryption = PLAIN, chain: list[x509.Certificate] | None = None
) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"alert", key_of(pair), certificate_of(pair), chain, protection)


def pem_key(pair: KeyPair, form: PrivateFormat, protection: KeySerializationEncryption = PLAIN) -> str:
    return key_of(pair).private_bytes(Encoding.PEM, form, protection).decode()


def refused(content: bytes, passphrase: str = "") -> tuple[str, str]:
    """Code and words."""
    with pytest.raises(ValidationError) as caught:
        certificates.read(content, passphrase)
    return str(caught.value.code), caught.value.messages[0]


def test_generated_certificate_is_accepted_by_msal() -> None:
    pair = made()
    msal_credential(ClientCertificate(pair.private_key, pair.certificate))
    assert pair.starts_at < START
    assert pair.expires_at == START + timedelta(days=365)
    assert key_of(pair).key_size == 2048
    assert certificate_of(pair).subject.rfc4514_string() == "CN=ALERT"
    assert pair.private_key not in repr(pair)


def test_each_generated_certificate_has_its_own_key() -> None:
    again = certificates.generate("ALERT", now=START, lasts=timedelta(days=30))
    assert again.private_key != made().private_key


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=120))
def test_certificate_is_generated_for_any_app_name(name: str) -> None:
    subject = certificates.subject_of(name)
    assert subject.rfc4514_string()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("protection", [PLAIN, PROTECTED])
@pytest.mark.parametrize("key_first", [True, False])
def test_pem_of_any_kind_and_order(
    form: PrivateFormat, protection: KeySerializationEncryption, key_first: bool
) -> None:
    parts = [pem_key(made(), form, protection), made().certificate]
    text = "Bag Attributes\n    localKeyID: 01\n" + "".join(parts if key_first else reversed(parts))
    assert certificates.read(text.replace("\n", "\r\n").encode(), "open sesame") == made()


@pytest.mark.parametrize("protection", [PLAIN, PROTECTED])
def test_a_pfx_file_with_or_without_a_passphrase(protection: KeySerializationEncryption) -> None:
    assert certificates.read(pfx(made(), protection), "open sesame") == made()


def test_certificate_of_the_key_is_taken_from_a_chain() -> None:
    other = made("Issuer")
    chain = pfx(made(), chain=[certificate_of(other)])
    assert certificates.read(chain) == made()
    text = other.certificate + made().certificate + made().private_key
    assert certificates.read(text.encode()) == made()


def test_protected_key_needs_its_passphrase() -> None:
    text = (made().certificate + pem_key(made(), PrivateFormat.PKCS8, PROTECTED)).encode()
    for content in (text, pfx(made(), PROTECTED)):
        assert refused(content)[0] == "passphrase_needed"
        code, words = refused(content, "open parsley")
        assert code == "passphrase"
        assert "parsley" not in words


def test_certificate_without_key_is_refused() -> None:
    der = certificate_of(made()).public_bytes(Encoding.DER)
    without_key = pkcs12.serialize_key_and_certificates(None, None, certificate_of(made()), None, PLAIN)
    assert {refused(content)[0] for content in (made().certificate.encode(), der, without_key)} == {"no_key"}


def test_key_without_certificate_is_refused() -> None:
    assert refused(made().private_key.encode())[0] == "no_certificate"


def test_mismatched_certificate_and_key_are_refused() -> None:
    assert refused((made("Other").certificate + made().private_key).encode())[0] == "apart"


def test_other_kinds_of_key_are_refused_with_a_reason() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    text = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN).decode()
    assert "RSA" in refused((made().certificate + text).encode())[1]
    short = rsa.generate_private_key(65537, 1024)
    text = short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN).decode()
    assert "1024" in refused((made().certificate + text).encode())[1]


def openssh_key() -> str:
    return pem_key(made(), PrivateFormat.OpenSSH)


def request_of(pair: KeyPair) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(certificates.subject_of("ALERT"))
    return builder.sign(key_of(pair), SHA256()).public_bytes(Encoding.PEM).decode()


def public_key(encoding: Encoding, form: PublicFormat) -> bytes:
    return key_of(made()).public_key().public_bytes(encoding, form)


# github.com/MicrosoftDocs/azure-docs/issues/23558 (keys of ssh-keygen), github.com/Azure/azure-cli/issues/7404 (its
# format expected), github.com/microsoftgraph/msgraph-sdk-java/issues/2075 (one half uploaded for the other)
OTHER_KINDS: dict[str, tuple[Callable[[], bytes | str], str]] = {
    "OpenSSH key with the certificate": (lambda: made().certificate + openssh_key(), "ssh-keygen -p -m PEM"),
    "OpenSSH key alone": (openssh_key, "ssh-keygen -p -m PEM"),
    "PuTTY": (lambda: "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n", "PuTTY"),
    "public key of ssh": (lambda: public_key(Encoding.OpenSSH, PublicFormat.OpenSSH), "public key"),
    "public key in PEM": (lambda: public_key(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "public key"),
    "certificate with its public key": (
        lambda: made().certificate + public_key(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "public key",
    ),
    "request": (lambda: request_of(made()), "CSR"),
    "request with the key": (lambda: request_of(made()) + made().private_key, "CSR"),
    "PKCS#7 in PEM": (lambda: serialize_certificates([certificate_of(made())], Encoding.PEM), "PKCS#7"),
    "PKCS#7": (lambda: serialize_certificates([certificate_of(made())], Encoding.DER), "PKCS#7"),
    "Java keystore": (lambda: b"\xfe\xed\xfe\xed\0\0\0\x02", "keytool -importkeystore"),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_what_is_mistaken_for_a_certificate_with_its_key_is_named(kind: str) -> None:
    make, words = OTHER_KINDS[kind]
    content = make()
    assert words in refused(content if isinstance(content, bytes) else content.encode(), "open sesame")[1]


def test_a_curve_key_with_its_own_certificate_is_refused() -> None:
    """Entra takes RSA alone: learn.microsoft.com/entra/identity-platform/certificate-credentials."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PLAIN).decode()
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert refused((valid(START, START + timedelta(days=30), key) + parameters + text).encode())[0] == "not_rsa"


def valid(start: datetime, end: datetime, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    name = certificates.subject_of("ALERT")
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(end)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("year", [9998, 9999])
def test_a_certificate_that_never_expires_is_refused(year: int) -> None:
    """99991231235959Z: RFC 5280, 4.1.2.5."""
    text = valid(START, datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC), key_of(made())) + made().private_key
    if year == 9999:
        assert refused(text.encode())[0] == "endless"
    else:
        assert certificates.read(text.encode()).expires_at.year == year


@pytest.mark.parametrize(
    "encoded",
    [
        # `>` of Windows PowerShell: learn.microsoft.com, about_Character_Encoding
        lambda: (made().certificate + made().private_key).encode("utf-16"),
        lambda: b"\xef\xbb\xbf" + (made().certificate + made().private_key).encode(),
        # the secret behind a certificate of Azure Key Vault: base64 of a PFX without a passphrase
        lambda: base64.b64encode(pfx(made())),
        lambda: base64.encodebytes(pfx(made())).replace(b"\n", b"\r\n"),
    ],
    ids=["UTF-16", "BOM", "base64", "base64 in lines"],
)
def test_a_file_in_another_encoding_is_read(encoded: Callable[[], bytes]) -> None:
    assert certificates.read(encoded()) == made()


def test_a_protected_file_in_base64_needs_its_passphrase() -> None:
    assert refused(base64.b64encode(pfx(made(), PROTECTED)))[0] == "passphrase_needed"
    assert certificates.read(base64.b64encode(pfx(made(), PROTECTED)), "open sesame") == made()


@given(st.binary(max_size=400))
def test_other_content_is_refused(content: bytes) -> None:
    """In this process, without a reader process for each."""
    wrapped = (
        b"-----BEGIN CERTIFICATE-----\n" + content + b"\n-----END CERTIFICATE-----\n" + made().private_key.encode()
    )
    for one in (content, wrapped):
        with pytest.raises(key_file_reader.UnusableKeyFile):
            key_file_reader.read(one, "x")


def test_thumbprints_match_the_portal() -> None:
    sha1, sha256 = certificates.thumbprints(made().certificate)
    assert (len(sha1), len(sha256)) == (40, 64)
    assert sha1 == sha1.upper()
