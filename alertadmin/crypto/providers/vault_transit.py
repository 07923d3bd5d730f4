"""Encrypt the keyring with a transit key of HashiCorp Vault or OpenBao, by hvac.

The token file is read at each call, since an agent may renew the token. A policy with `update` on `MOUNT/encrypt/KEY`
and `MOUNT/decrypt/KEY` is enough.
Source: https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from alertadmin import network_errors
from alertadmin.crypto.envelope import KmsRefused, KmsUnavailable
from alertadmin.keyring_config import TransitSource
from mailer.http.http_session import Session

TIMEOUT = 8.0
"""Seconds for the whole call."""


@dataclass(frozen=True)
class TransitKey:
    source: TransitSource
    token: str = field(repr=False)
    """Empty if it is read from `token_file`."""
    token_file: Path | None
    namespace: str
    ca_file: Path | None

    def __str__(self) -> str:
        return str(self.source)

    def wrap(self, key: bytes) -> str:
        plaintext = base64.b64encode(key).decode("ascii")
        return self._ask("ciphertext", lambda transit: transit.encrypt_data(**self._named, plaintext=plaintext))

    def unwrap(self, wrapped: str) -> bytes:
        plaintext = self._ask("plaintext", lambda transit: transit.decrypt_data(**self._named, ciphertext=wrapped))
        try:
            return base64.b64decode(plaintext, validate=True)
        except ValueError:
            raise KmsRefused("its answer is not base64") from None

    @property
    def _named(self) -> dict[str, str]:
        return {"name": self.source.key, "mount_point": self.source.mount}

    def _ask(self, wanted: str, question: Callable[[Any], Any]) -> str:
        try:
            import hvac
            from hvac.exceptions import VaultDown, VaultError
        except ImportError:
            raise KmsRefused("the package hvac is not installed here; see docs/operations.md") from None
        try:
            with Session(str(self.ca_file) if self.ca_file else None, timeout=TIMEOUT) as session:
                namespace = self.namespace or None
                client = hvac.Client(
                    self.source.url, self._token(), timeout=TIMEOUT, namespace=namespace, session=session
                )
                return str(question(client.secrets.transit)["data"][wanted])
        except VaultDown as error:
            raise KmsUnavailable(_message_of(error)) from None
        except VaultError as error:
            raise KmsRefused(_message_of(error)) from None
        except (requests.RequestException, OSError) as error:
            raise KmsUnavailable(network_errors.reason(error)) from None
        except (KeyError, TypeError, ValueError, RecursionError):
            raise KmsRefused("its answer is none of a transit engine") from None

    def _token(self) -> str:
        if self.token or not self.token_file:
            return self.token
        try:
            return self.token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            raise KmsRefused(f"the token file {self.token_file} cannot be read: {reason}") from None


def _message_of(error: Any) -> str:
    """The server's errors, or the exception's type; never its URL and method."""
    said = "; ".join(" ".join(str(one).split()) for one in error.errors or []) or type(error).__name__
    return said[:200]
