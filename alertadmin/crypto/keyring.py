"""The keyring: AES-256 keys by id, kept outside the database. The primary key encrypts, every key decrypts.

ALERTADMIN_KEYS says where the keyring is kept (`keyring_config`); by default in a file of mode 600. Losing it loses
every stored secret: back it up, but not together with the database. Its JSON form is
`{"primary": "k1", "keys": {"k1": "<32 bytes, base64>"}}`.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from alertadmin.crypto import envelope, key_file, messages
from alertadmin.crypto.errors import KeyMissing, KeyringError, Unreadable
from alertadmin.crypto.providers.azure_key_vault import VaultKey
from alertadmin.crypto.providers.vault_transit import TransitKey
from alertadmin.keyring_config import KeyVaultSource, TransitSource, VariableSource

__all__ = ["KEY_ID", "KeyMissing", "Keyring", "KeyringError", "Unreadable"]

KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
BINDING_KEY = re.compile(r"d[0-9a-f]{8}")
"""Ids of keys made since secrets are bound to destinations: such a key never encrypted an unbound secret."""
BACKUP_INFO = b"alertadmin: authentication of backups, 1"
"""HKDF's info: keys derived with it cannot decrypt secrets, nor can the keyring's keys authenticate backups."""
CACHE_SECONDS = 0.1
"""How long a loaded keyring decrypts without a stat of its file, which takes longer than a decryption."""


@dataclass(frozen=True)
class Keyring:
    primary: str
    ciphers: dict[str, AESGCM] = field(repr=False)
    storage_name: str = ""
    """The file's path or the variable's name, for messages."""
    backup_keys: dict[str, bytes] = field(default_factory=dict, repr=False)
    """32 bytes derived from each key, by its id: they authenticate backups."""

    def cipher(self, key_id: str) -> AESGCM:
        """Raises KeyMissing."""
        try:
            return self.ciphers[key_id]
        except KeyError:
            raise KeyMissing(key_id, self.storage_name) from None


def parse(written: bytes, storage_name: str) -> Keyring:
    """Parse a keyring's JSON. Raises KeyringError."""
    try:
        content = json.loads(written)
        primary = str(content["primary"])
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in content["keys"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KeyringError(messages.FILE_DAMAGED % {"file": storage_name, "error": type(error).__name__}) from None
    if primary not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise KeyringError(messages.FILE_INCOMPLETE % {"file": storage_name})
    # SQLite's LIKE, which finds the secrets of a key, ignores case.
    if not all(map(KEY_ID.fullmatch, keys)) or len({key_id.lower() for key_id in keys}) != len(keys):
        raise KeyringError(messages.FILE_NAMES % {"file": storage_name})
    ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
    return Keyring(primary, ciphers, storage_name, {key_id: _backup_key(key) for key_id, key in keys.items()})


def _backup_key(key: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=BACKUP_INFO).derive(key)


def generate_key(content: dict[str, Any]) -> str:
    """Add a new key to a keyring's JSON. Returns its id."""
    key_id = f"d{secrets.token_hex(4)}"
    content["keys"][key_id] = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")
    return key_id


class Envelope(Protocol):
    """How the keyring is written into its file. Hashable: loaded keyrings are cached by it."""

    def wrap(self, ring: bytes, file: str) -> bytes:
        """The file's content. Raises KeyringError."""
        ...

    def unwrap(self, written: bytes, file: str) -> bytes:
        """The keyring's JSON. Raises KeyringError."""
        ...


@dataclass(frozen=True)
class FileStorage:
    """A key file of mode 600. It is read again whenever it changes."""

    path: Path
    envelope: Envelope

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def load(self) -> Keyring:
        """Raises KeyringError."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError as error:
            raise KeyringError(messages.FILE_MISSING % {"file": self.path}) from error
        except OSError as error:
            raise self._unreadable(error) from None
        # The ctime, since a restored backup may have the old file's mtime.
        return _read(self, status.st_ctime_ns, status.st_ino, stat.S_IMODE(status.st_mode))

    def read(self) -> bytes:
        """The keyring's JSON. Raises KeyringError."""
        try:
            if stat.S_IMODE(os.stat(self.path).st_mode) & 0o077:
                raise KeyringError(messages.FILE_OPEN % {"file": self.path})
            written = self.path.read_bytes()
        except OSError as error:
            raise self._unreadable(error) from None
        return self.envelope.unwrap(written, self.name)

    def create(self) -> str:
        """Create a file with one key, never over an existing one. Returns the key's id. Raises KeyringError,
        OSError."""
        content: dict[str, Any] = {"keys": {}}
        content["primary"] = generate_key(content)
        self.write(content, exclusive=True)
        return str(content["primary"])

    def change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        """Change the keyring's JSON under a lock. Raises KeyringError, OSError, and errors of `alter`."""
        self.load()
        with self.locked():
            content = json.loads(self.read())
            parse(json.dumps(content).encode(), self.name)
            alter(content)
            self.write(content)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the file, so that concurrent changes do not overwrite each other. Raises KeyringError, OSError."""
        with key_file.locked(self.path):
            yield

    def replace(self, written: bytes, aside: Path) -> None:
        """Replace the file by one from a backup, after copying it into the folder `aside`. Raises KeyringError,
        OSError."""
        if is_there := self.exists:
            key_file.copy_aside(self.path, aside)
        key_file.write(self.path, written, exclusive=not is_there)

    def require_replaceable(self) -> None:
        """Raises KeyringError if the file cannot be replaced at its path."""
        key_file.require_replaceable(self.path)

    def write(self, content: dict[str, Any], *, exclusive: bool = False) -> None:
        written = self.envelope.wrap(json.dumps(content, indent=1).encode(), self.name)
        key_file.write(self.path, written, exclusive=exclusive)

    def _unreadable(self, error: OSError) -> KeyringError:
        return KeyringError(messages.FILE_UNREADABLE % {"file": self.path, "error": error.strerror})


@lru_cache(maxsize=4)
def _read(file: FileStorage, changed: int, inode: int, mode: int) -> Keyring:
    return parse(file.read(), file.name)


@dataclass(frozen=True)
class VariableStorage:
    """The keyring is the value of ALERTADMIN_KEYS, which only the operator can change."""

    source: VariableSource
    name = "ALERTADMIN_KEYS"
    exists = True

    def load(self) -> Keyring:
        content = {"primary": self.source.primary, "keys": dict(self.source.keys)}
        return parse(json.dumps(content).encode(), self.name)

    def create(self) -> str:
        raise KeyringError(messages.KEYS_FIXED)

    def change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        raise KeyringError(messages.KEYS_FIXED)


def storage() -> FileStorage | VariableStorage:
    """The storage of this installation's keyring, by ALERTADMIN_KEYS."""
    environment = settings.ENVIRONMENT
    source = environment.keys
    if isinstance(source, VariableSource):
        return VariableStorage(source)
    return FileStorage(environment.keys_file, _envelope(source))


def _envelope(source: KeyVaultSource | TransitSource | None) -> envelope.NoEnvelope | envelope.EnvelopeEncryption:
    environment = settings.ENVIRONMENT
    if source is None:
        return envelope.NoEnvelope()
    if isinstance(source, KeyVaultSource):
        return envelope.EnvelopeEncryption(VaultKey(source, environment.keys_ca_file))
    token = environment.get("KEYS_TOKEN")
    return envelope.EnvelopeEncryption(
        TransitKey(
            source, token, environment.keys_token_file, environment.get("KEYS_NAMESPACE"), environment.keys_ca_file
        )
    )


def cipher(key_id: str) -> AESGCM:
    """The cipher of a key. Raises KeyringError, KeyMissing."""
    read_at, ring = _recent
    if read_at + CACHE_SECONDS > monotonic() and key_id in ring.ciphers:
        return ring.ciphers[key_id]
    return load().cipher(key_id)


def load() -> Keyring:
    """The current keyring; the file is read only if it changed. Raises KeyringError."""
    global _recent
    forget()
    ring = storage().load()
    _recent = monotonic(), ring
    return ring


def forget() -> None:
    """Discard the keyring cached for CACHE_SECONDS."""
    global _recent
    _recent = NEVER


NEVER = -CACHE_SECONDS, Keyring("", {})
_recent = NEVER
"""When this process last loaded the keyring, in monotonic seconds, and the keyring."""


def create(path: Path) -> str:
    """Write a new key file with one key and no envelope, never over an existing file. Returns the key's id."""
    return FileStorage(path, envelope.NoEnvelope()).create()


def add_primary() -> str:
    """Add a key and make it primary. Returns its id. Raises KeyringError, OSError.

    The old keys stay, so every stored secret stays readable. The key becomes primary in a second step, after the first
    is on the disk: nothing is encrypted with a key that a power cut could still lose.
    """
    added: list[str] = []
    where = storage()
    where.change(lambda content: added.append(generate_key(content)))
    where.change(lambda content: content.update(primary=added[0]))
    return added[0]


def remove(key_id: str) -> Callable[[], None]:
    """Remove a key. Returns a function that restores it. Raises KeyringError if it is unknown or primary; OSError."""
    removed: list[str] = []

    def pop(content: dict[str, Any]) -> None:
        if key_id not in content["keys"]:
            raise KeyringError(messages.KEY_UNKNOWN % {"key": key_id, "file": where.name})
        if key_id == content["primary"]:
            raise KeyringError(messages.KEY_PRIMARY % {"key": key_id})
        removed.append(content["keys"].pop(key_id))

    where = storage()
    where.change(pop)
    return lambda: where.change(lambda content: content["keys"].update({key_id: removed[0]}))


def wrap_file() -> None:
    """Encrypt a plain key file with the outside key of ALERTADMIN_KEYS. Raises KeyringError, OSError."""
    where = _wrapped_storage()
    with where.locked():
        where.write(json.loads(FileStorage(where.path, envelope.NoEnvelope()).read()))
    forget()


def unwrap_file() -> None:
    """Decrypt the key file, to stop using the outside key or to change it. Raises KeyringError, OSError."""
    where = _wrapped_storage()
    with where.locked():
        FileStorage(where.path, envelope.NoEnvelope()).write(json.loads(where.read()))
    forget()


def _wrapped_storage() -> FileStorage:
    """Raises KeyringError if ALERTADMIN_KEYS names no outside key."""
    where = storage()
    if not isinstance(where, FileStorage) or not isinstance(where.envelope, envelope.EnvelopeEncryption):
        raise KeyringError(messages.NO_KMS)
    return where
