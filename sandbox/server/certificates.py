"""The sandbox's certificate authority and signing key, stored in its folder so that clients trust it after a
restart."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NAMES = ("localhost", "127.0.0.1", "::1")


def write_private(file: Path, content: bytes) -> None:
    """Write a file that is readable only for its owner from the beginning."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def server_context(folder: Path) -> ssl.SSLContext:
    """A TLS context with a certificate for localhost; the CA is in `folder`/ca.pem."""
    certificate_file, key_file = folder / "ca.pem", folder / "ca-key.pem"
    if certificate_file.exists() and key_file.exists():
        authority = trustme.CA.from_pem(certificate_file.read_bytes(), key_file.read_bytes())
    else:
        authority = trustme.CA(organization_name="alertadmin sandbox")
        write_private(key_file, authority.private_key_pem.bytes())
        certificate_file.write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert(*NAMES).configure_cert(context)
    return context


def signing_key(folder: Path) -> rsa.RSAPrivateKey:
    """The RSA key that signs the sandbox's tokens."""
    file = folder / "signing-key.pem"
    if file.exists():
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{file} is not an RSA key")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    write_private(file, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return key
