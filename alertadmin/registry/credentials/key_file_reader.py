"""Reads a private key and its certificate from a PFX (PKCS#12) file or from PEM texts.

As a program it reads one request from standard input, writes one JSON object to standard output and exits. A file's
author decides how much work it takes (rounds of key derivation, memory, certificates), and some of that is visible only
after decryption, so no check beforehand can limit it. Therefore `key_file.read` runs this program, and the kernel ends
it at its limits. It imports neither alertadmin nor Django, so that it starts in about 100 ms.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import resource
import sys
from typing import Any, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

SHORTEST_KEY, LONGEST_KEY = 2048, 8192
"""Bits: the minimum that Microsoft recommends, and a size that still signs within 0.1 s."""
MOST_CERTIFICATES = 20
"""In one file. Real chains have at most five."""
CPU_SECONDS = 2
"""For one file. The usual 2,000 rounds of key derivation take 1 ms, a million rounds half a second."""
MEMORY_BYTES = 512 * 1024 * 1024
"""Address space, of which Python and OpenSSL use 100 MB."""
PEM_KEY = re.compile(rb"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY)-----.+?-----END (?P=kind)-----", re.DOTALL)
PEM_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

Code = Literal[
    "not_rsa",
    "short_key",
    "long_key",
    "apart",
    "no_certificate",
    "many_certificates",
    "unreadable_certificate",
    "unreadable",
    "openssh_key",
    "putty_key",
    "request",
    "pkcs7",
    "keystore",
    "public_key",
    "no_key",
    "passphrase_needed",
    "passphrase",
]


PEM_LABELS: dict[bytes, Code] = {
    b"OPENSSH PRIVATE KEY": "openssh_key",
    b"CERTIFICATE REQUEST": "request",
    b"NEW CERTIFICATE REQUEST": "request",
    b"PKCS7": "pkcs7",
    b"CMS": "pkcs7",
    b"PUBLIC KEY": "public_key",
    b"RSA PUBLIC KEY": "public_key",
}
"""Of texts that are mistaken for a certificate with its key."""
BEGINNINGS: tuple[tuple[re.Pattern[bytes], Code], ...] = (
    (re.compile(rb"\s*PuTTY-User-Key-File-\d"), "putty_key"),
    (re.compile(rb"ssh-(?:rsa|dss|ed25519) AAAA|ecdsa-sha2-\S{1,20} AAAA|---- BEGIN SSH2 PUBLIC KEY"), "public_key"),
    (re.compile(rb"\x30.{1,5}\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", re.DOTALL), "pkcs7"),
    (re.compile(rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce"), "keystore"),
)
"""Of files that are mistaken for it: PKCS#7 by its object identifier (RFC 5652, 4), Java's JKS and JCEKS by their magic
numbers."""
BASE64_PFX = re.compile(rb"MII[A-Za-z0-9+/=\s]{100,}\Z")


class UnusableKeyFile(ValueError):
    """`code` says why; `bits` is the length of a key that is too short or too long."""

    def __init__(self, code: Code, bits: int = 0) -> None:
        super().__init__(code)
        self.code, self.bits = code, bits


def read(content: bytes, passphrase: str) -> dict[str, str]:
    """The key without a passphrase and its certificate (both PEM), and the certificate's dates (ISO).

    Raises UnusableKeyFile.
    """
    secret = passphrase.encode("utf-8", "surrogatepass") or None
    content = _without_text_encoding(content)
    key, certificates = _from_pem(content, secret) if b"-----BEGIN " in content else _from_pfx(content, secret)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnusableKeyFile("not_rsa")
    if not SHORTEST_KEY <= key.key_size <= LONGEST_KEY:
        raise UnusableKeyFile("short_key" if key.key_size < SHORTEST_KEY else "long_key", key.key_size)
    mine = next((one for one in certificates if _is_of(one, key)), None)
    if mine is None:
        raise UnusableKeyFile("apart")
    return {
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "certificate": mine.public_bytes(Encoding.PEM).decode(),
        "starts_at": mine.not_valid_before_utc.isoformat(),
        "expires_at": mine.not_valid_after_utc.isoformat(),
    }


def _is_of(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False  # an unsupported kind of key, so not this one


def _from_pem(content: bytes, passphrase: bytes | None) -> tuple[object, list[x509.Certificate]]:
    keys = [match.group() for match in PEM_KEY.finditer(content)]
    texts = [match.group() for match in PEM_CERTIFICATE.finditer(content)]
    if not (keys and texts) or b"OPENSSH" in keys[0]:
        _refuse_other_formats(content)
    if not texts:
        raise UnusableKeyFile("no_certificate")
    if not keys:
        raise UnusableKeyFile("no_key")
    if len(texts) > MOST_CERTIFICATES:
        raise UnusableKeyFile("many_certificates")
    try:
        certificates = [x509.load_pem_x509_certificate(text) for text in texts]
    except ValueError:
        raise UnusableKeyFile("unreadable_certificate") from None
    try:
        return load_pem_private_key(keys[0], passphrase), certificates
    except TypeError:  # a passphrase for a key without one, or none for a key with one
        if passphrase:
            return _from_pem(content, None)
        raise UnusableKeyFile("passphrase_needed") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKeyFile("passphrase") from None


def _from_pfx(content: bytes, passphrase: bytes | None) -> tuple[object, list[x509.Certificate]]:
    _refuse_a_bare_certificate(content)
    _refuse_other_formats(content)
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if "password" in str(error).lower():
            if passphrase and _opens_without(content):
                return _from_pfx(content, None)
            raise UnusableKeyFile("passphrase" if passphrase else "passphrase_needed") from None
        raise UnusableKeyFile("unreadable") from None
    if key is None:
        raise UnusableKeyFile("no_key")
    certificates = [one for one in (certificate, *others) if one is not None]
    if len(certificates) > MOST_CERTIFICATES:
        raise UnusableKeyFile("many_certificates")
    return key, certificates


def _without_text_encoding(content: bytes) -> bytes:
    """PEM that PowerShell wrote as UTF-16, and a PFX file in base64, as Azure Key Vault gives it, as plain octets."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16", "replace").encode()
    if BASE64_PFX.match(content):
        with contextlib.suppress(ValueError):
            return base64.b64decode(b"".join(content.split()), validate=True)
    return content


def _refuse_other_formats(content: bytes) -> None:
    """Raises UnusableKeyFile for a file of a known kind that has not both."""
    for label, code in PEM_LABELS.items():
        if b"-----BEGIN %b-----" % label in content:
            raise UnusableKeyFile(code)
    for pattern, code in BEGINNINGS:
        if pattern.match(content):
            raise UnusableKeyFile(code)


def _opens_without(content: bytes) -> bool:
    try:
        pkcs12.load_key_and_certificates(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _refuse_a_bare_certificate(content: bytes) -> None:
    """Raises UnusableKeyFile for a .cer file, which has no private key."""
    try:
        x509.load_der_x509_certificate(content)
    except ValueError:
        return
    raise UnusableKeyFile("no_key")


def _limit() -> None:
    """Set the kernel's limits for this process."""
    os.nice(10)  # web requests come first
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower limit is set already, or the system has no such limit
            resource.setrlimit(limit, (most, most))


def main() -> None:
    _limit()
    request = json.load(sys.stdin)
    answer: dict[str, Any]
    try:
        answer = dict(read(bytes.fromhex(request["content"]), request["passphrase"]))
    except UnusableKeyFile as error:
        answer = {"code": error.code, "bits": error.bits}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
