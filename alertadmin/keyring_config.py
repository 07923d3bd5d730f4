"""Parse ALERTADMIN_KEYS, which says where the keyring is kept. No I/O: it is checked before Django is set up.

(empty)                                           the key file, unencrypted
k2:<32 bytes, base64>,k1:<32 bytes, base64>       the keyring itself, the primary key first
https://NAME.vault.azure.net/keys/KEY[/VERSION]   the key file, encrypted by this key of an Azure Key Vault
vault+https://HOST:8200/MOUNT/KEY                 the key file, encrypted by this transit key of Vault or OpenBao
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

KEY_BYTES = 32


class InvalidKeySource(ValueError):
    """The value is invalid; the message says what it must be and does not repeat it."""


@dataclass(frozen=True)
class VariableSource:
    primary: str
    keys: Mapping[str, str] = field(repr=False, hash=False)
    """Base64, by id."""


@dataclass(frozen=True)
class KeyVaultSource:
    vault: str
    key: str
    version: str

    def __str__(self) -> str:
        return f"{self.vault}/keys/{self.key}"


@dataclass(frozen=True)
class TransitSource:
    url: str
    mount: str
    key: str

    def __str__(self) -> str:
        return f"{self.url}/{self.mount}/{self.key}"


KeySource = VariableSource | KeyVaultSource | TransitSource | None


def parse(value: str) -> KeySource:
    """None: the unencrypted key file. Raises InvalidKeySource."""
    value = value.strip()
    if not value:
        return None
    if "://" not in value:
        return _ring(value)
    try:
        parts = urlsplit(value)
        where, path = f"https://{parts.hostname}:{parts.port or 443}", parts.path.strip("/").split("/")
        plain = parts.hostname and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        plain, path = False, []
    if plain and parts.scheme == "https" and len(path) in (2, 3) and path[0] == "keys" and all(path):
        return KeyVaultSource(where.removesuffix(":443"), path[1], path[2] if len(path) == 3 else "")
    if plain and parts.scheme == "vault+https" and len(path) >= 2 and all(path):
        return TransitSource(where.removesuffix(":443"), "/".join(path[:-1]), path[-1])
    raise InvalidKeySource(
        "ALERTADMIN_KEYS must be the address of a key, over TLS: https://NAME.vault.azure.net/keys/KEY (Azure Key "
        "Vault) or vault+https://HOST:8200/transit/KEY (HashiCorp Vault or OpenBao)."
    )


def _ring(value: str) -> VariableSource:
    keys: dict[str, str] = {}
    for one in value.split(","):
        key_id, _colon, key = one.strip().partition(":")
        try:
            whole = len(base64.b64decode(key, validate=True)) == KEY_BYTES
        except (binascii.Error, ValueError):
            whole = False
        if not whole or not key_id or key_id.lower() in map(str.lower, keys):
            raise InvalidKeySource(
                "ALERTADMIN_KEYS must list keys as NAME:KEY, divided by commas, the primary one first; each KEY is 32 "
                "bytes in base64 (openssl rand -base64 32), each NAME another. It is not repeated here: it is a secret."
            )
        keys[key_id] = key
    return VariableSource(next(iter(keys)), keys)
