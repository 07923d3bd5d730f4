"""The certificate and the private key by which the web server speaks TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

from alertadmin.supervisor.errors import NotStarted


class _Protected(Exception):
    """The key asks for a passphrase."""


def check(certificate: Path, key: Path) -> None:
    """Raises NotStarted with a sentence if the web server could not use them."""
    for name, path in (("ALERTADMIN_TLS_CERTIFICATE", certificate), ("ALERTADMIN_TLS_KEY", key)):
        try:
            text = path.read_bytes()
        except OSError as error:
            raise NotStarted(f"{name}: the file {path} cannot be read: {error.strerror}.") from error
        if b"-----BEGIN " not in text:
            raise NotStarted(f"{name}: the file {path} is not in PEM format.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_refuse_passphrase)
    except _Protected:
        raise NotStarted(
            f"ALERTADMIN_TLS_KEY: the key in {key} is protected by a passphrase. Write it without one: "
            f"openssl pkcs8 -topk8 -nocrypt -in {key} -out new-key.pem"
        ) from None
    except ssl.SSLError:
        raise NotStarted(
            f"The certificate in {certificate} and the private key in {key} do not belong together, or cannot be read. "
            "The file of ALERTADMIN_TLS_CERTIFICATE begins with the server's own certificate."
        ) from None
    if b"-----BEGIN PRIVATE KEY-----" not in text:
        raise NotStarted(
            f"ALERTADMIN_TLS_KEY: the key in {key} is not in PKCS#8 format. Convert it: "
            f"openssl pkcs8 -topk8 -nocrypt -in {key} -out new-key.pem"
        )


def _refuse_passphrase() -> str:
    """Otherwise OpenSSL asks at the terminal."""
    raise _Protected
