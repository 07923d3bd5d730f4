"""Prepare a data folder: the folder itself, the secret key, the database's tables, the keyring.

Each command calls `prepare` first. It changes nothing in a folder that is ready.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from alertadmin.crypto import keyring, reencryption
from alertadmin.supervisor import file_lock, migrations
from alertadmin.supervisor.errors import NotPrepared

log = logging.getLogger(__name__)

__all__ = ["NotPrepared", "prepare"]


def prepare(*, upgrade: bool = False) -> None:
    """Create what is missing; of several processes at once, one does it. Migrate the tables of an older version only
    with `upgrade`, because that version may still run. Raises NotPrepared, whose message is a sentence for the user.
    """
    folder = settings.DATA_DIR
    try:
        make_data_dir(folder)
        with file_lock.locked(folder / "prepare.lock"):
            _make_secret_key(folder / "secret_key")
            migrations.make_ready(upgrade=upgrade)
            _make_key_ring()
            if upgrade:
                _bind_secrets()
    except OSError as error:
        raise NotPrepared(f"{error.filename or folder} cannot be used: {error.strerror or error}.") from error
    except ImproperlyConfigured as error:
        raise NotPrepared(f"The settings cannot be used: {error}") from error


def make_data_dir(folder: Path) -> None:
    """Create the folder with mode 700. An existing folder keeps its mode unless it is empty or a data folder."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "you may not write there")
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries}
    except (FileExistsError, NotADirectoryError) as error:
        raise NotPrepared(f"The data folder {folder} cannot be used: a file is in its place.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotPrepared(
            f"The data folder {folder} cannot be written: {reason}. Choose another with --data or ALERTADMIN_DATA_DIR."
        ) from error
    # A home folder or /tmp that was passed by mistake must keep its mode.
    if stat.S_IMODE(status.st_mode) & 0o077 and status.st_uid == os.getuid() and (not names or "secret_key" in names):
        folder.chmod(0o700)


def _make_secret_key(path: Path) -> None:
    if settings.ENVIRONMENT.get("SECRET_KEY"):
        return
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        key = ""
    if not key:
        key = secrets.token_urlsafe(50)
        draft = path.with_name(f".secret_key.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    # The settings were read before the file existed, and use a temporary key.
    settings.SECRET_KEY = key


def _make_key_ring() -> None:
    """Create a keyring, but only for a database without secrets: a new one would hide the loss of the old one.

    An error in the keyring does not stop the preparation: reminders need no key.
    """
    storage = keyring.storage()
    if storage.exists:
        return
    if migrations.holds_secrets():
        log.error(
            "The key file %s is missing: stored secrets cannot be used until it is put back. Reminders go on.",
            storage.name,
        )
        return
    folder = Path(storage.name).resolve().parent
    if not folder.is_dir():
        raise NotPrepared(f"The key file cannot be made: there is no folder {folder}.")
    try:
        storage.create()
    except keyring.KeyringError as error:
        log.error("No key file was made, so no secret can be stored; the next start tries again. %s", error)


def _bind_secrets() -> None:
    """Bind the secrets of an earlier release to their destinations. If the keys are unreachable, each is bound when it
    is first decrypted, or by the next start."""
    try:
        bound = reencryption.bind_all()
    except keyring.KeyringError as error:
        log.warning("Stored secrets are not bound to their destinations yet. %s", error)
        return
    if bound.done or bound.unreadable:
        log.info("%d stored secrets bound to where they may be sent; %d unreadable.", bound.done, bound.unreadable)
