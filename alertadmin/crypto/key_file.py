"""Lock and replace the key file, so that neither a concurrent writer nor a power cut can damage it."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alertadmin.crypto import messages
from alertadmin.crypto.errors import KeyringError

CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
DRAFT = re.compile(r"\.[0-9a-f]{8}")
NOT_REPLACEABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV}
"""Errors of a read-only mount, of another account's folder, and of a file that is a mount point, as in containers."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file, and delete drafts that a killed writer left, since they contain keys.

    Raises KeyringError, OSError.
    """
    target = resolve(path)
    with _flock(target):
        for draft in target.parent.glob(f".{glob.escape(target.name)}.*"):
            if DRAFT.fullmatch(draft.name.removeprefix(f".{target.name}")):
                draft.unlink(missing_ok=True)
        yield


@contextmanager
def _flock(path: Path) -> Iterator[None]:
    while True:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # not replaced while waiting for the lock
                yield
                return


def resolve(path: Path) -> Path:
    """The file that a symbolic link points to: the file is written, the link stays. Raises KeyringError."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a link to itself
        reason = getattr(error, "strerror", None) or os.strerror(errno.ELOOP)
        raise KeyringError(messages.FILE_UNREADABLE % {"file": path, "error": reason}) from None


def write(path: Path, written: bytes, *, exclusive: bool) -> None:
    """Replace the file atomically, or create it if `exclusive`. Owner, group and mode stay.

    Raises KeyringError, OSError.
    """
    target = resolve(path)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    before = None if exclusive else target.stat()
    if before and before.st_nlink > 1:
        raise KeyringError(messages.FILE_HARD_LINKED % {"file": target})
    try:
        with os.fdopen(os.open(draft, CREATE, 0o600), "wb") as file:
            file.write(written)
            file.flush()
            if before:
                # When root adds a key, the account that owns the file must still be able to read it.
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) & 0o700)
            os.fsync(file.fileno())
        if exclusive:
            os.link(draft, target)
        else:
            os.replace(draft, target)
    except OSError as error:
        if error.errno in NOT_REPLACEABLE and not exclusive:
            raise not_replaceable(target, error) from None
        raise
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def copy_aside(path: Path, folder: Path) -> None:
    """Copy the file into a folder of mode 700, never over an existing copy. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(folder / path.name, CREATE, 0o600), "wb") as copy:
        copy.write(path.read_bytes())
        copy.flush()
        os.fsync(copy.fileno())


def require_replaceable(path: Path) -> None:
    """Raises KeyringError if the file cannot be replaced at its path."""
    target = resolve(path)
    if path.exists() and target.stat().st_nlink > 1:
        raise KeyringError(messages.FILE_HARD_LINKED % {"file": target})
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise not_replaceable(target, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def not_replaceable(target: Path, error: OSError) -> KeyringError:
    return KeyringError(messages.FILE_FIXED % {"file": target, "error": error.strerror})
