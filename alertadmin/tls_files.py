"""Check the web server's TLS certificate and private key."""

from __future__ import annotations

import ssl
from pathlib import Path

from alertadmin.setting_rules import BadEnvironment


class _Protected(Exception):
    """The key is encrypted with a passphrase."""


def check(certificate: Path, key: Path) -> None:
    """Raise BadEnvironment if the web server could not use the files."""
    for name, path in (("ALERTADMIN_TLS_CERTIFICATE", certificate), ("ALERTADMIN_TLS_KEY", key)):
        try:
            text = path.read_bytes()
        except OSError as error:
            raise BadEnvironment(f"{name}: the file {path} cannot be read: {error.strerror}.") from error
        if b"-----BEGIN " not in text:
            raise BadEnvironment(f"{name}: the file {path} is not in PEM format.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_refuse_passphrase)
    except _Protected:
        raise BadEnvironment(
            f"ALERTADMIN_TLS_KEY: the key in {key} is protected by a passphrase. Write it without one: "
            f"openssl pkcs8 -topk8 -nocrypt -in {key} -out new-key.pem"
        ) from None
    except ssl.SSLError:
        raise BadEnvironment(
            f"The certificate in {certificate} and the private key in {key} do not match, or cannot be read. "
            "The file of ALERTADMIN_TLS_CERTIFICATE begins with the server's own certificate."
        ) from None
    if b"-----BEGIN PRIVATE KEY-----" not in text:
        raise BadEnvironment(
            f"ALERTADMIN_TLS_KEY: the key in {key} is not in PKCS#8 format. Convert it: "
            f"openssl pkcs8 -topk8 -nocrypt -in {key} -out new-key.pem"
        )


def _refuse_passphrase() -> str:
    """Raise _Protected instead of letting OpenSSL ask at the terminal."""
    raise _Protected
