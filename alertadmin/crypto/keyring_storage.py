"""Where the key ring is kept: in the key file as it is, in that file wrapped by a key elsewhere, or in a variable."""

from __future__ import annotations

import errno
import fcntl
import glob
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from alertadmin.crypto import messages
from alertadmin.crypto.keyring_types import Keyring, KeyringError, parsed, with_key
from alertadmin.keyring_config import InVariable


class Wrapping(Protocol):
    """How the ring is written into its file. Hashable: rings once read are kept by it."""

    def wrapped(self, ring: bytes, file: str) -> bytes:
        """What is written. Raises KeyringError."""
        ...

    def unwrapped(self, written: bytes, file: str) -> bytes:
        """The ring's JSON. Raises KeyringError."""
        ...


@dataclass(frozen=True)
class FileStorage:
    """A file of mode 600. It is read again whenever it changes."""

    path: Path
    wrapping: Wrapping

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
        # The time of the last change to the file or its mode: a backup that is put back may keep the old file's date.
        return _read(self, status.st_ctime_ns, status.st_ino, stat.S_IMODE(status.st_mode))

    def read(self) -> bytes:
        """The ring's JSON. Raises KeyringError."""
        try:
            if stat.S_IMODE(os.stat(self.path).st_mode) & 0o077:
                raise KeyringError(messages.FILE_OPEN % {"file": self.path})
            written = self.path.read_bytes()
        except OSError as error:
            raise self._unreadable(error) from None
        return self.wrapping.unwrapped(written, self.name)

    def create(self) -> str:
        """A new ring with one key, never over an existing file; returns the key's id. Raises KeyringError, OSError."""
        content: dict[str, Any] = {"keys": {}}
        content["primary"] = with_key(content)
        self.write(content, exclusive=True)
        return str(content["primary"])

    def change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        """Alters the ring's JSON, alone with the file. Raises KeyringError, OSError, and what `alter` raises."""
        self.load()
        with self.locked():
            content = json.loads(self.read())
            parsed(json.dumps(content).encode(), self.name)
            alter(content)
            self.write(content)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the file: of two who add a key at once, the second adds to what the first wrote. Drafts that a
        killed writer left are taken away: they hold keys. Raises KeyringError, OSError."""
        target = _target(self.path)
        with _held(target):
            for draft in target.parent.glob(f".{glob.escape(target.name)}.*"):
                if DRAFT.fullmatch(draft.name.removeprefix(f".{target.name}")):
                    draft.unlink(missing_ok=True)
            yield

    def replace(self, written: bytes, aside: Path) -> None:
        """A file from a backup takes the place of this one, which is first copied into the folder `aside`. Raises
        KeyringError, OSError."""
        if is_there := self.exists:
            aside.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(aside / self.path.name, NEW, 0o600), "wb") as copy:
                copy.write(self.path.read_bytes())
                copy.flush()
                os.fsync(copy.fileno())
        _write(self.path, written, exclusive=not is_there)

    def refuse_fixed(self) -> None:
        """Raises KeyringError if the file cannot be replaced where it lies."""
        target = _target(self.path)
        if self.exists and target.stat().st_nlink > 1:
            raise KeyringError(messages.FILE_HARD_LINKED % {"file": target})
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise _fixed(target, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def write(self, content: dict[str, Any], *, exclusive: bool = False) -> None:
        _write(self.path, self.wrapping.wrapped(json.dumps(content, indent=1).encode(), self.name), exclusive=exclusive)

    def _unreadable(self, error: OSError) -> KeyringError:
        return KeyringError(messages.FILE_UNREADABLE % {"file": self.path, "error": error.strerror})


@lru_cache(maxsize=4)
def _read(file: FileStorage, changed: int, inode: int, mode: int) -> Keyring:
    return parsed(file.read(), file.name)


@dataclass(frozen=True)
class VariableStorage:
    """The ring is given by whoever starts this program, who alone can change it."""

    source: InVariable
    name = "ALERTADMIN_KEYS"
    exists = True

    def load(self) -> Keyring:
        content = {"primary": self.source.primary, "keys": dict(self.source.keys)}
        return parsed(json.dumps(content).encode(), self.name)

    def create(self) -> str:
        raise KeyringError(messages.KEYS_FIXED)

    def change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        raise KeyringError(messages.KEYS_FIXED)


Place = FileStorage | VariableStorage


@contextmanager
def _held(path: Path) -> Iterator[None]:
    while True:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # not replaced while this one waited
                yield
                return


NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
DRAFT = re.compile(r"\.[0-9a-f]{8}")


def _target(path: Path) -> Path:
    """The file itself, where `path` is a symbolic link to it: that is written, and the link stays. Raises
    KeyringError."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a link to itself
        reason = getattr(error, "strerror", None) or os.strerror(errno.ELOOP)
        raise KeyringError(messages.FILE_UNREADABLE % {"file": path, "error": reason}) from None


def _write(path: Path, written: bytes, *, exclusive: bool) -> None:
    """All or nothing: a reader sees the old file or the new one, and a power cut leaves one of them whole. Owner, group
    and mode stay. Raises KeyringError, OSError."""
    target = _target(path)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    before = None if exclusive else target.stat()
    if before and before.st_nlink > 1:
        raise KeyringError(messages.FILE_HARD_LINKED % {"file": target})
    try:
        with os.fdopen(os.open(draft, NEW, 0o600), "wb") as file:
            file.write(written)
            file.flush()
            if before:
                # A key that root adds must stay readable for the account whose file it is.
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) & 0o700)
            os.fsync(file.fileno())
        if exclusive:
            os.link(draft, target)
        else:
            os.replace(draft, target)
    except OSError as error:
        if error.errno in FIXED and not exclusive:
            raise _fixed(target, error) from None
        raise
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


FIXED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV}
"""A read-only mount, a folder of another account's, a file that is a mount of its own, as in containers."""


def _fixed(target: Path, error: OSError) -> KeyringError:
    return KeyringError(messages.FILE_FIXED % {"file": target, "error": error.strerror})
