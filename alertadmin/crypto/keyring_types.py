"""The key ring as it is used: AES-256 keys by their ids, one of them primary. Where it is kept is `keyring_storage`'
matter.

Written down it is JSON: `{"primary": "k1", "keys": {"k1": "<32 bytes, base64>"}}`.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from alertadmin.crypto import messages
from mailer.coded_text import CodedError

KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
BINDING_KEY = re.compile(r"d[0-9a-f]{8}")
"""How a key is named that was made since secrets are bound to their destinations: it never sealed one without."""
FOR_BACKUPS = b"alertadmin: authentication of backups, 1"
"""HKDF's info: what is derived with it opens no secret, and the other way round."""


class Unreadable(CodedError):
    """A stored secret cannot be opened, or none can be sealed; the message says why and what to do, and no more."""


class KeyringError(Unreadable):
    """The key ring cannot be used, or not be changed like this. `key_ids`: the keys that are out of reach, if known."""

    def __init__(self, message: str, key_ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.key_ids = key_ids


class KeyMissing(KeyringError):
    """A secret was sealed with a key that the ring does not hold."""

    def __init__(self, key_id: str, place: str) -> None:
        super().__init__(messages.KEY_MISSING % {"key": key_id, "file": place}, (key_id,))
        self.key_id = key_id


@dataclass(frozen=True)
class Keyring:
    primary: str
    ciphers: dict[str, AESGCM] = field(repr=False)
    place: str = ""
    """Where it lies, in words."""
    backup_keys: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Of 32 bytes, by the id of the key that each is derived from: they authenticate backups."""

    def cipher(self, key_id: str) -> AESGCM:
        try:
            return self.ciphers[key_id]
        except KeyError:
            raise KeyMissing(key_id, self.place) from None


def parsed(written: bytes, place: str) -> Keyring:
    """Raises KeyringError."""
    try:
        content = json.loads(written)
        primary = str(content["primary"])
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in content["keys"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KeyringError(messages.FILE_DAMAGED % {"file": place, "error": type(error).__name__}) from None
    if primary not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise KeyringError(messages.FILE_INCOMPLETE % {"file": place})
    # SQLite looks for secrets of a key without regard to case.
    if not all(map(KEY_ID.fullmatch, keys)) or len({key_id.lower() for key_id in keys}) != len(keys):
        raise KeyringError(messages.FILE_NAMES % {"file": place})
    ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
    return Keyring(primary, ciphers, place, {key_id: _backup_key(key) for key_id, key in keys.items()})


def _backup_key(key: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=FOR_BACKUPS).derive(key)


def with_key(content: dict[str, Any]) -> str:
    """Adds a new key to a ring's JSON; returns its id."""
    key_id = f"d{secrets.token_hex(4)}"
    content["keys"][key_id] = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")
    return key_id
