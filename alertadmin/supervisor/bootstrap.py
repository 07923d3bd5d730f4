"""Makes a data folder usable: the folder itself, the secret key, the database's tables, the key ring.

Each command calls `prepare` first. On a folder that is ready it changes nothing.
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
    """Makes what is missing; of two processes at once, one does. The tables of an older version are left alone, because
    that version may run, unless `upgrade` is asked for. Raises NotPrepared with a plain sentence.
    """
    folder = settings.DATA_DIR
    try:
        make_data_dir(folder)
        with file_lock.held(folder / "prepare.lock"):
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
    """Of mode 700, for its owner alone. A folder that was there keeps its mode unless it is empty or already ours."""
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
    # Somebody's home, or /tmp, given by mistake must not be closed to others.
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
    # The settings were read before there was a file, and took a throw-away key.
    settings.SECRET_KEY = key


def _make_key_ring() -> None:
    """Only for a database without secrets: a new ring beside secrets sealed with a lost one would hide the loss.

    Whatever is wrong with the keys, the rest is made ready: reminders need none.
    """
    place = keyring.storage()
    if place.exists:
        return
    if migrations.holds_secrets():
        log.error(
            "The key file %s is missing: stored secrets cannot be used until it is put back. Reminders go on.",
            place.name,
        )
        return
    folder = Path(place.name).resolve().parent
    if not folder.is_dir():
        raise NotPrepared(f"The key file cannot be made: there is no folder {folder}.")
    try:
        place.create()
    except keyring.KeyringError as error:
        log.error("No key file was made, so no secret can be stored; the next start tries again. %s", error)


def _bind_secrets() -> None:
    """Those of an earlier release are bound to where they may be sent. While the keys are out of reach they wait: each
    is bound when it is first opened, or by the next start."""
    try:
        bound = reencryption.bind_all()
    except keyring.KeyringError as error:
        log.warning("Stored secrets are not bound to their destinations yet. %s", error)
        return
    if bound.done or bound.unreadable:
        log.info("%d stored secrets bound to where they may be sent; %d unreadable.", bound.done, bound.unreadable)
