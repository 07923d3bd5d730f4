"""The identity of an app at the token endpoint: the app, the tenant and the credential."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailer.clouds import Cloud
from mailer.errors import SendError
from mailer.personal_account import PersonalAccount


@dataclass(frozen=True, slots=True)
class ClientSecret:
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM texts. msal computes the public certificate's thumbprint (SHA-256)."""

    private_key: str = field(repr=False)
    public_certificate: str = ""
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AppIdentity:
    cloud: Cloud
    directory_id: str
    client_id: str
    credential: ClientSecret | ClientCertificate

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never appear in an error or a log."""
        if isinstance(self.credential, ClientSecret):
            return (self.credential.value,)
        return (self.credential.private_key, self.credential.passphrase or "")

    @property
    def key(self) -> tuple[str, ...]:
        """The cache key of a token. It includes the credential, so that a rotated secret never uses the old token."""
        return (self.cloud.authority, self.directory_id, self.client_id, *self.secrets)

    def mail_path(self, address: str) -> str:
        """The path of a mailbox in Graph."""
        return f"users/{quote(address, safe='@')}"

    @property
    def graph_scope(self) -> str:
        return self.cloud.graph_scope

    @property
    def smtp_scope(self) -> str:
        return self.cloud.exchange_scope

    @property
    def smtp_permission(self) -> str:
        return "SMTP.SendAsApp"

    @property
    def smtp(self) -> str:
        return self.cloud.smtp


Identity = AppIdentity | PersonalAccount


def msal_credential(credential: ClientSecret | ClientCertificate) -> Any:
    """The credential in msal's format. Raises SendError, before any request, for a key or certificate that cannot be
    read."""
    if isinstance(credential, ClientSecret):
        return credential.value
    passphrase = credential.passphrase.encode() if credential.passphrase else None
    try:
        key = load_pem_private_key(credential.private_key.encode(), passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: a missing or needless passphrase
        raise SendError("certificate_wrong", "The private key cannot be read: no PEM, or another passphrase.") from None
    try:
        certificate = x509.load_pem_x509_certificate(credential.public_certificate.encode())
    except ValueError:
        raise SendError("certificate_wrong", "The certificate cannot be read: no PEM.") from None
    if not isinstance(key, RSAPrivateKey):
        raise SendError("certificate_wrong", "The private key is not an RSA key; Entra accepts no other.")
    if certificate.public_key() != key.public_key():
        raise SendError("certificate_wrong", "The certificate and the private key do not match.")
    given = {"private_key": credential.private_key, "public_certificate": credential.public_certificate}
    return {**given, "passphrase": credential.passphrase} if credential.passphrase else given
