"""The key ring: AES-256 keys in a file of mode 600 outside the database, the first of them for new secrets.

The file is JSON: `{"primary": "k1", "keys": {"k1": "<32 bytes, base64>"}}`. Losing it loses every stored secret;
it belongs into the backup, but not beside the database's.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from alertadmin.registry import sentences

KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
RECENT = 0.1
"""Seconds for which a key once read opens secrets without a look at the file, which takes longer than the opening."""


class Unreadable(Exception):
    """A stored secret cannot be opened, or none can be sealed; the message says why and what to do, and no more."""


class KeyRingError(Unreadable):
    """The key file cannot be used."""


class KeyMissing(KeyRingError):
    """A secret was sealed with a key that the ring does not hold."""

    def __init__(self, key_id: str) -> None:
        super().__init__(sentences.KEY_MISSING % {"key": key_id, "file": settings.ENVIRONMENT.keys_file})
        self.key_id = key_id


@dataclass(frozen=True)
class KeyRing:
    primary: str
    ciphers: dict[str, AESGCM]

    def cipher(self, key_id: str) -> AESGCM:
        try:
            return self.ciphers[key_id]
        except KeyError:
            raise KeyMissing(key_id) from None


def cipher(key_id: str) -> AESGCM:
    """What opens the secrets of a key. Raises KeyRingError, KeyMissing."""
    read_at, ring = _recent
    if read_at + RECENT > monotonic() and key_id in ring.ciphers:
        return ring.ciphers[key_id]
    return load().cipher(key_id)


def load() -> KeyRing:
    """The ring of the configured file, read again whenever the file changes. Raises KeyRingError."""
    global _recent
    forget()
    ring = _load(settings.ENVIRONMENT.keys_file)
    _recent = monotonic(), ring
    return ring


def forget() -> None:
    """From now on the file decides, however lately it was read."""
    global _recent
    _recent = NEVER


NEVER = -RECENT, KeyRing("", {})
_recent = NEVER
"""When the ring was last read by this process, and what it was."""


def _load(path: Path) -> KeyRing:
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise KeyRingError(sentences.FILE_MISSING % {"file": path}) from error
    except OSError as error:
        raise _unreadable(path, error) from None
    # The time of the last change to the file or its mode: a backup that is put back may keep the old file's date.
    return _read(path, status.st_ctime_ns, status.st_ino, stat.S_IMODE(status.st_mode))


def _unreadable(path: Path, error: OSError) -> KeyRingError:
    return KeyRingError(sentences.FILE_UNREADABLE % {"file": path, "error": error.strerror})


@lru_cache(maxsize=4)
def _read(path: Path, changed: int, inode: int, mode: int) -> KeyRing:
    if mode & 0o077:
        raise KeyRingError(sentences.FILE_OPEN % {"file": path})
    try:
        content = json.loads(path.read_bytes())
        primary = str(content["primary"])
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in content["keys"].items()}
    except OSError as error:
        raise _unreadable(path, error) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KeyRingError(sentences.FILE_DAMAGED % {"file": path, "error": type(error).__name__}) from None
    if primary not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise KeyRingError(sentences.FILE_INCOMPLETE % {"file": path})
    # SQLite looks for secrets of a key without regard to case.
    if not all(map(KEY_ID.fullmatch, keys)) or len({key_id.lower() for key_id in keys}) != len(keys):
        raise KeyRingError(sentences.FILE_NAMES % {"file": path})
    return KeyRing(primary, {key_id: AESGCM(key) for key_id, key in keys.items()})


def create(path: Path) -> str:
    """Writes a new ring with one key, never over an existing file; returns the key's id."""
    key_id = _new_id()
    _write(path, {"primary": key_id, "keys": {key_id: _new_key()}}, exclusive=True)
    return key_id


def add_primary() -> str:
    """Adds a key to the configured file and makes it the primary one; returns its id. Raises KeyRingError, OSError.

    The old keys stay, so every stored secret stays readable.
    """
    path = settings.ENVIRONMENT.keys_file
    load()
    with _held(path):
        load()
        content = json.loads(path.read_bytes())
        key_id = _new_id()
        content["keys"][key_id] = _new_key()
        content["primary"] = key_id
        _write(path, content)
    return key_id


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Alone with the file: of two who add a key at once, the second adds to what the first wrote."""
    while True:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # not replaced while this one waited
                yield
                return


def _write(path: Path, content: dict[str, object], *, exclusive: bool = False) -> None:
    """All or nothing: a reader sees the old file or the new one, and a power cut leaves one of them whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            os.link(draft, path)
        else:
            # A key that root adds must stay readable for the account whose file it is.
            owner = path.stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
            os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _new_id() -> str:
    return f"k{secrets.token_hex(4)}"


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")
