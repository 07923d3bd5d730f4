"""Certificates with their private keys: read from PFX or PEM files, or generated.

Source: Microsoft identity platform, "Application authentication certificate credentials": RSA, any issuer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from alertadmin.registry import input_validation
from alertadmin.registry.credentials import key_file

KEY_BITS = 2048
"""Of a generated key; the size that Microsoft generates too."""
CLOCK_MARGIN = timedelta(minutes=5)
"""A generated certificate is valid from this long ago, for servers whose clocks are behind."""
LONGEST_NAME = 64
"""Bytes of a common name (X.520)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM texts. The key has no passphrase: it is encrypted when it is stored."""

    private_key: str = field(repr=False)
    certificate: str
    starts_at: datetime
    expires_at: datetime


def read(content: bytes, passphrase: str = "") -> KeyPair:
    """Read a PFX (PKCS#12) file, or concatenated PEM texts.

    Raises ValidationError, whose message contains nothing of the content.
    """
    found = key_file.read(content, passphrase)
    starts_at, expires_at = (datetime.fromisoformat(found[name]) for name in ("starts_at", "expires_at"))
    if expires_at.year > input_validation.LAST_YEAR:
        # RFC 5280, 4.1.2.5: 99991231235959Z stands for no end.
        raise ValidationError(
            _("This certificate never expires, so there is no date to remind of. Create one that expires."),
            code="endless",
        )
    return KeyPair(found["private_key"], found["certificate"], starts_at, expires_at)


def generate(name: str, *, now: datetime, lasts: timedelta) -> KeyPair:
    """Generate a key of `KEY_BITS` and a self-signed certificate for signing, as Entra accepts it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = subject_of(name)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_MARGIN)
        .not_valid_after(now + lasts)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _to_key_pair(key, certificate)


def subject_of(name: str) -> x509.Name:
    cut = name.encode()[:LONGEST_NAME].decode(errors="ignore").strip()
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cut or "alertadmin")])


def thumbprints(certificate: str) -> tuple[str, ...]:
    """SHA-1 and SHA-256 thumbprints in upper-case hexadecimal, as the portal and PowerShell show them; none for a
    stored text that is no certificate."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        return ()
    # SHA-1 only identifies the certificate.
    return loaded.fingerprint(hashes.SHA1()).hex().upper(), loaded.fingerprint(hashes.SHA256()).hex().upper()  # noqa: S303  # nosec B303


def _to_key_pair(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> KeyPair:
    return KeyPair(
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
        starts_at=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )
