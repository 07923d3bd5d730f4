"""Certificates with their private keys: read from what people have at hand (PFX, PEM), or made here.

Source: Microsoft identity platform, "Application authentication certificate credentials": RSA, any issuer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

SHORTEST_KEY = 2048
"""Bits; what Microsoft recommends at least, and what it makes itself."""
CLOCK_MARGIN = timedelta(minutes=5)
"""A certificate made here is good a little earlier, for servers whose clocks are behind."""
LONGEST_NAME = 64
"""Bytes of a common name (X.520)."""
PEM_KEY = re.compile(rb"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY)-----.+?-----END (?P=kind)-----", re.DOTALL)
PEM_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM texts, the key without a passphrase: it is sealed as a whole when it is stored."""

    private_key: str = field(repr=False)
    certificate: str
    starts_at: datetime
    expires_at: datetime


def read(content: bytes, passphrase: str = "") -> KeyPair:
    """From a PFX (PKCS#12) file, or from PEM texts one after another.

    Raises ValidationError, whose words repeat nothing of the content.
    """
    secret = passphrase.encode() or None
    is_pem = b"-----BEGIN " in content
    key, certificates = _from_pem(content, secret) if is_pem else _from_pfx(content, secret)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValidationError(_("The private key is no RSA key; Entra takes no other."), code="not_rsa")
    if key.key_size < SHORTEST_KEY:
        raise ValidationError(
            _("The key has %(bits)d bits; make one of at least 2048.") % {"bits": key.key_size}, code="short_key"
        )
    mine = [one for one in certificates if one.public_key() == key.public_key()]
    if not mine:
        raise ValidationError(_("The certificate and the private key do not belong together."), code="apart")
    return _pair(key, mine[0])


def make(name: str, *, now: datetime, lasts: timedelta) -> KeyPair:
    """A new key of 2048 bits and a self-signed certificate for signing, as Entra takes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=SHORTEST_KEY)
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
    return _pair(key, certificate)


def subject_of(name: str) -> x509.Name:
    cut = name.encode()[:LONGEST_NAME].decode(errors="ignore").strip()
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cut or "alertadmin")])


def thumbprints(certificate: str) -> tuple[str, str]:
    """SHA-1 and SHA-256 in upper-case hexadecimal, as the portal and PowerShell show them."""
    loaded = x509.load_pem_x509_certificate(certificate.encode())
    # SHA-1 names a certificate here and protects nothing.
    return loaded.fingerprint(hashes.SHA1()).hex().upper(), loaded.fingerprint(hashes.SHA256()).hex().upper()  # noqa: S303  # nosec B303


def _pair(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> KeyPair:
    return KeyPair(
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
        starts_at=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )


def _from_pem(content: bytes, passphrase: bytes | None) -> tuple[object, list[x509.Certificate]]:
    keys = [match.group() for match in PEM_KEY.finditer(content)]
    texts = [match.group() for match in PEM_CERTIFICATE.finditer(content)]
    if not texts:
        raise ValidationError(_("There is no certificate in it. Add the certificate, as PEM."), code="no_certificate")
    if not keys:
        raise _no_key()
    try:
        certificates = [x509.load_pem_x509_certificate(text) for text in texts]
    except ValueError:
        raise ValidationError(
            _("The certificate cannot be read. Export it again, as PEM."), code="unreadable"
        ) from None
    try:
        return load_pem_private_key(keys[0], passphrase), certificates
    except TypeError:  # a passphrase where the key has none, or none where it has one
        if passphrase:
            return _from_pem(content, None)
        raise _passphrase_needed() from None
    except (ValueError, UnsupportedAlgorithm):
        raise _wrong_passphrase() from None


def _from_pfx(content: bytes, passphrase: bytes | None) -> tuple[object, list[x509.Certificate]]:
    _refuse_a_bare_certificate(content)
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if "password" in str(error).lower():
            if passphrase and _opens_without(content):
                return _from_pfx(content, None)
            raise (_wrong_passphrase() if passphrase else _passphrase_needed()) from None
        raise ValidationError(
            _("This is neither a PFX file nor PEM text. Export the certificate with its private key."),
            code="unreadable",
        ) from None
    if key is None:
        raise _no_key()
    return key, [one for one in (certificate, *others) if one is not None]


def _opens_without(content: bytes) -> bool:
    try:
        pkcs12.load_key_and_certificates(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _refuse_a_bare_certificate(content: bytes) -> None:
    """A .cer file: the half that the portal wants."""
    try:
        x509.load_der_x509_certificate(content)
    except ValueError:
        return
    raise _no_key()


def _no_key() -> ValidationError:
    return ValidationError(
        _("The private key is not in it. Export the certificate together with its private key (PFX)."), code="no_key"
    )


def _passphrase_needed() -> ValidationError:
    return ValidationError(_("It is protected: enter its passphrase."), code="passphrase_needed")


def _wrong_passphrase() -> ValidationError:
    return ValidationError(_("It does not open with this passphrase."), code="passphrase")
