"""Where the key ring is kept: in the key file as it is, in that file wrapped by a key elsewhere, or in a variable."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from alertadmin.registry import sentences
from alertadmin.registry.key_source import InVariable
from alertadmin.registry.ring import KeyRing, KeyRingError, parsed, with_new_key


class Wrapping(Protocol):
    """How the ring is written into its file. Hashable: rings once read are kept by it."""

    def wrapped(self, ring: bytes, file: str) -> bytes:
        """What is written. Raises KeyRingError."""
        ...

    def unwrapped(self, written: bytes, file: str) -> bytes:
        """The ring's JSON. Raises KeyRingError."""
        ...


@dataclass(frozen=True)
class KeyFile:
    """A file of mode 600. It is read again whenever it changes."""

    path: Path
    wrapping: Wrapping

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def load(self) -> KeyRing:
        """Raises KeyRingError."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError as error:
            raise KeyRingError(sentences.FILE_MISSING % {"file": self.path}) from error
        except OSError as error:
            raise self._unreadable(error) from None
        # The time of the last change to the file or its mode: a backup that is put back may keep the old file's date.
        return _read(self, status.st_ctime_ns, status.st_ino, stat.S_IMODE(status.st_mode))

    def read(self) -> bytes:
        """The ring's JSON. Raises KeyRingError."""
        try:
            if stat.S_IMODE(os.stat(self.path).st_mode) & 0o077:
                raise KeyRingError(sentences.FILE_OPEN % {"file": self.path})
            written = self.path.read_bytes()
        except OSError as error:
            raise self._unreadable(error) from None
        return self.wrapping.unwrapped(written, self.name)

    def create(self) -> str:
        """A new ring with one key, never over an existing file; returns the key's id. Raises KeyRingError, OSError."""
        content: dict[str, Any] = {"keys": {}}
        key_id = with_new_key(content)
        self.write(content, exclusive=True)
        return key_id

    def change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        """Alters the ring's JSON, alone with the file. Raises KeyRingError, OSError, and what `alter` raises."""
        self.load()
        with _held(self.path):
            content = json.loads(self.read())
            parsed(json.dumps(content).encode(), self.name)
            alter(content)
            self.write(content)

    def write(self, content: dict[str, Any], *, exclusive: bool = False) -> None:
        _write(self.path, self.wrapping.wrapped(json.dumps(content, indent=1).encode(), self.name), exclusive=exclusive)

    def _unreadable(self, error: OSError) -> KeyRingError:
        return KeyRingError(sentences.FILE_UNREADABLE % {"file": self.path, "error": error.strerror})


@lru_cache(maxsize=4)
def _read(file: KeyFile, changed: int, inode: int, mode: int) -> KeyRing:
    return parsed(file.read(), file.name)


@dataclass(frozen=True)
class Variable:
    """The ring is given by whoever starts this program, who alone can change it."""

    source: InVariable
    name = "ALERTADMIN_KEYS"
    exists = True

    def load(self) -> KeyRing:
        content = {"primary": self.source.primary, "keys": dict(self.source.keys)}
        return parsed(json.dumps(content).encode(), self.name)

    def create(self) -> str:
        raise KeyRingError(sentences.KEYS_GIVEN)

    def change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        raise KeyRingError(sentences.KEYS_GIVEN)


Place = KeyFile | Variable


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Alone with the file: of two who add a key at once, the second adds to what the first wrote."""
    while True:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # not replaced while this one waited
                yield
                return


def _write(path: Path, written: bytes, *, exclusive: bool) -> None:
    """All or nothing: a reader sees the old file or the new one, and a power cut leaves one of them whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(written)
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
