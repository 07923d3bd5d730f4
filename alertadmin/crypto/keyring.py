"""The key ring of this installation, outside the database: the primary key seals, every key of it opens.

Where it is kept, ALERTADMIN_KEYS says (`key_source`); without it in a file of mode 600. Losing it loses every stored
secret; it belongs into the backup, but not beside the database's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from alertadmin.crypto import envelope, messages
from alertadmin.crypto.keyring_storage import FileStorage, Place, VariableStorage
from alertadmin.crypto.keyring_types import KEY_ID, KeyMissing, Keyring, KeyringError, Unreadable, with_key
from alertadmin.crypto.providers.azure_key_vault import VaultKey
from alertadmin.crypto.providers.vault_transit import TransitKey
from alertadmin.keyring_config import InKeyVault, InTransit, InVariable

__all__ = ["KEY_ID", "KeyMissing", "Keyring", "KeyringError", "Unreadable"]

RECENT = 0.1
"""Seconds for which a key once read opens secrets without a look at the file, which takes longer than the opening."""


def storage() -> Place:
    """Where the ring of this installation is kept."""
    environment = settings.ENVIRONMENT
    source = environment.keys
    if isinstance(source, InVariable):
        return VariableStorage(source)
    return FileStorage(environment.keys_file, _wrapping(source))


def _wrapping(source: InKeyVault | InTransit | None) -> envelope.NoEnvelope | envelope.EnvelopeEncryption:
    environment = settings.ENVIRONMENT
    if source is None:
        return envelope.NoEnvelope()
    if isinstance(source, InKeyVault):
        return envelope.EnvelopeEncryption(VaultKey(source, environment.keys_ca_file))
    token = environment.get("KEYS_TOKEN")
    return envelope.EnvelopeEncryption(
        TransitKey(
            source, token, environment.keys_token_file, environment.get("KEYS_NAMESPACE"), environment.keys_ca_file
        )
    )


def cipher(key_id: str) -> AESGCM:
    """What opens the secrets of a key. Raises KeyringError, KeyMissing."""
    read_at, ring = _recent
    if read_at + RECENT > monotonic() and key_id in ring.ciphers:
        return ring.ciphers[key_id]
    return load().cipher(key_id)


def load() -> Keyring:
    """The ring, read again whenever its file changes. Raises KeyringError."""
    global _recent
    forget()
    ring = storage().load()
    _recent = monotonic(), ring
    return ring


def forget() -> None:
    """From now on the file decides, however lately it was read."""
    global _recent
    _recent = NEVER


NEVER = -RECENT, Keyring("", {})
_recent = NEVER
"""When the ring was last read by this process, and what it was."""


def create(path: Path) -> str:
    """Writes a new ring with one key, as it is, never over an existing file; returns the key's id."""
    return FileStorage(path, envelope.NoEnvelope()).create()


def add_primary() -> str:
    """Adds a key and makes it the primary one; returns its id. Raises KeyringError, OSError.

    The old keys stay, so every stored secret stays readable. It is made the primary one in a second step, when it is
    certain to be on the disk: nothing is sealed with a key that a power cut could still take away.
    """
    added: list[str] = []
    where = storage()
    where.change(lambda content: added.append(with_key(content)))
    where.change(lambda content: content.update(primary=added[0]))
    return added[0]


def remove(key_id: str) -> Callable[[], None]:
    """Takes a key out; returns what puts it back. Raises KeyringError where it is unknown or primary; OSError."""
    taken: list[str] = []

    def take(content: dict[str, Any]) -> None:
        if key_id not in content["keys"]:
            raise KeyringError(messages.KEY_UNKNOWN % {"key": key_id, "file": where.name})
        if key_id == content["primary"]:
            raise KeyringError(messages.KEY_PRIMARY % {"key": key_id})
        taken.append(content["keys"].pop(key_id))

    where = storage()
    where.change(take)
    return lambda: where.change(lambda content: content["keys"].update({key_id: taken[0]}))


def rewrap() -> None:
    """Wraps a key file that lies there as it is, as ALERTADMIN_KEYS says. Raises KeyringError, OSError."""
    where = storage()
    if not isinstance(where, FileStorage) or not isinstance(where.wrapping, envelope.EnvelopeEncryption):
        raise KeyringError(messages.NO_KMS)
    with where.locked():
        where.write(json.loads(FileStorage(where.path, envelope.NoEnvelope()).read()))
    forget()


def unwrap() -> None:
    """The other way, for whoever wants to leave the outside key or take another. Raises KeyringError, OSError."""
    where = storage()
    if not isinstance(where, FileStorage) or not isinstance(where.wrapping, envelope.EnvelopeEncryption):
        raise KeyringError(messages.NO_KMS)
    with where.locked():
        FileStorage(where.path, envelope.NoEnvelope()).write(json.loads(where.read()))
    forget()
