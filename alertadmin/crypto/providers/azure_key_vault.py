"""Encrypt the keyring with a key of an Azure Key Vault or Managed HSM, by azure-keyvault-keys: RSA-OAEP-256.

Authentication: a managed identity, a workload identity, the service principal of AZURE_TENANT_ID, AZURE_CLIENT_ID and
AZURE_CLIENT_SECRET, or an account signed in with `az login`. The role "Key Vault Crypto Service Encryption User" is
enough. The stored value names the key's version, so that the vault can rotate the key.
Source: https://learn.microsoft.com/rest/api/keyvault/keys/wrap-key
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from alertadmin import network_errors
from alertadmin.crypto.envelope import KmsRefused, KmsUnavailable, Result
from alertadmin.keyring_config import KeyVaultSource
from mailer.http import deadline_sockets, http_session, wire_errors
from mailer.http.outbound_proxy import OutboundProxyError

TIMEOUT = 15.0
"""Seconds for authentication and call together, even if the server sends single bytes."""


class _Session(http_session.Session):
    """HTTP client for Azure's library, with a total timeout, a size limit, no decompression and no redirects. Plain
    http is allowed for the endpoint of a managed identity, which is on this machine."""

    def __init__(self, ca_file: str | None) -> None:
        super().__init__(ca_file, timeout=TIMEOUT)
        self.mount("http://", http_session.Adapter(ca_file))

    proxy_error: OutboundProxyError | None = None
    """Of the last request that the outbound proxy stopped; azure-identity reports such errors as refusals."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        try:
            return super().send(request, **{**kwargs, "timeout": self.timeout})
        except requests.RequestException as error:
            self.proxy_error = wire_errors.proxy_error(error)
            raise


@dataclass(frozen=True)
class VaultKey:
    source: KeyVaultSource
    ca_file: Path | None

    def __str__(self) -> str:
        return str(self.source)

    def wrap(self, key: bytes) -> str:
        """Returns `VERSION.BASE64`."""

        def ask(client: Any, algorithm: Any) -> str:
            found = client.wrap_key(algorithm, key)
            version = str(found.key_id).removeprefix(f"{self}/").strip("/")
            return f"{version}.{base64.b64encode(found.encrypted_key).decode('ascii')}"

        return self._ask(self.source.version, ask)

    def unwrap(self, wrapped: str) -> bytes:
        version, _dot, encoded = wrapped.partition(".")
        try:
            encrypted = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise KmsRefused("the key file is damaged") from None
        return self._ask(version, lambda client, algorithm: bytes(client.unwrap_key(algorithm, encrypted).key))

    def _ask(self, version: str, question: Callable[[Any, Any], Result]) -> Result:
        try:
            from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
            from azure.core.pipeline.transport import RequestsTransport
            from azure.identity import DefaultAzureCredential
            from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm
        except ImportError:
            raise KmsRefused("the package azure-keyvault-keys is not installed here; see docs/operations.md") from None
        session = _Session(str(self.ca_file) if self.ca_file else None)
        transport = RequestsTransport(session=session, session_owner=False)
        client_options: dict[str, Any] = {"transport": transport, "retry_total": 0}
        try:
            with (
                session,
                deadline_sockets.deadline(TIMEOUT),
                # Do not look up a private cloud (AZURE_AUTHORITY_HOST) at Microsoft's.
                DefaultAzureCredential(
                    disable_instance_discovery="AZURE_AUTHORITY_HOST" in os.environ,
                    **DEVELOPER_CREDENTIALS,
                    **client_options,
                ) as credential,
                CryptographyClient(
                    "/".join(filter(None, [str(self), version])), credential, **client_options
                ) as client,
            ):
                return question(client, KeyWrapAlgorithm.rsa_oaep_256)
        except ClientAuthenticationError as error:
            if session.proxy_error is not None:  # Entra was not asked
                raise KmsUnavailable(network_errors.reason(session.proxy_error)) from None
            raise KmsRefused(_message_of(error, "the caller is not known there")) from None
        except HttpResponseError as error:
            silent = error.status_code is not None and error.status_code >= 500
            raise (KmsUnavailable if silent else KmsRefused)(
                _message_of(error, f"status {error.status_code}")
            ) from None
        except AzureError as error:
            raise KmsUnavailable(network_errors.reason(error)) from None
        except (TimeoutError, requests.RequestException) as error:
            raise KmsUnavailable(network_errors.reason(error)) from None
        except (OSError, ValueError, RecursionError) as error:
            raise KmsRefused(_message_of(error, type(error).__name__)) from None


DEVELOPER_CREDENTIALS = {
    f"exclude_{name}_credential": True
    for name in ("shared_token_cache", "visual_studio_code", "powershell", "developer_cli", "broker")
}
"""Developers' tools, absent on servers; each would take time to fail."""


def _message_of(error: Any, otherwise: str) -> str:
    """The error's code and message in its JSON, else the first line of its text."""
    inner = getattr(getattr(error, "error", None), "innererror", None) or {}
    code = getattr(getattr(error, "error", None), "code", "") or ""
    said = str(getattr(error, "message", "") or error)
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [""]
    # DefaultAzureCredential reports every attempt; the first line with a credential says most.
    said = next((line for line in lines if "Credential: " in line), lines[0])
    return (
        " ".join(f"{code} {inner.get('code', '') if isinstance(inner, dict) else ''} {said}".split())[:200] or otherwise
    )
