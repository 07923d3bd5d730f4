"""Restore a backup. Refused if data could be lost, or if no available key verifies its seal; afterwards every secret is
decrypted once to check the keys.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.backup import archive, database_copy, schema_rebuild
from alertadmin.backup import seal as backup_seal
from alertadmin.crypto import key_usage, keyring
from alertadmin.crypto.keyring import FileStorage
from alertadmin.crypto.verification import ReadabilityReport, check_readability
from alertadmin.operator_log import Event, log_event
from alertadmin.reminders.restore import detection
from alertadmin.stored_messages import render_error
from alertadmin.supervisor import file_lock
from alertadmin.supervisor import migrations as supervisor_migrations
from alertadmin.supervisor.bootstrap import make_data_dir, prepare


class NotRestored(Exception):
    """Nothing was changed; the message is a sentence."""


class UnsealedBackup(NotRestored):
    """No available key verifies that `backup` wrote the file."""


@dataclass(frozen=True)
class Restored:
    manifest: archive.Manifest
    reading: ReadabilityReport
    aside: str
    """Where the previous database was moved; empty if there was none."""
    doubt: str
    """Why no available key verifies the backup that was restored nevertheless; empty if one does."""
    left_out: list[str]
    """Tables and other objects in the backup that are not alertadmin's; they were not restored."""


MOST_UNPACKED = 200
"""Largest ratio of unpacked to packed length of an unverified backup; a database is compressed to a tenth at best."""
SMALL = 64 << 20
"""Unpacked bytes that are allowed for a backup of any size."""


def restore(path: Path, *, force: bool, unauthenticated: bool = False, now: datetime) -> Restored:
    """Restore the backup. With `unauthenticated`, also one that no available key verifies.

    Raises NotRestored (UnsealedBackup), BadArchive, CannotCopy, NotPrepared, OSError.
    """
    folder = settings.DATA_DIR
    with archive.opened(path) as backup:
        _refuse_foreign(backup.manifest)
        doubt = backup_seal.broken_seal(backup.written, backup.seal)
        if doubt:
            _refuse_unless(unauthenticated, doubt)
            _refuse_bomb(backup.manifest, path)
        make_data_dir(folder)
        _refuse_too_large(backup.manifest, folder)
        with _alone(folder):
            if database_copy.is_in_use() and not force:
                raise NotRestored(
                    _("%(where)s is in use already. With --force it is moved aside, and the backup takes its place.")
                    % {"where": supervisor_migrations.database_label()}
                )
            with file_lock.locked(folder / "prepare.lock"):
                aside, left_out = _replace_installation(backup, folder, f"before-restore-{now:%Y%m%d-%H%M%S}")
    keyring.forget()
    key_usage.forget()
    prepare(upgrade=True)
    detection.database_restored(backup.manifest.moment)
    kind = "not authenticated, " if doubt else ""
    with transaction.atomic():
        audit.record(audit.AuditAction.BACKUP_RESTORED, now=now, kind=f"{kind}made at {backup.manifest.made_at}")
    log_event(
        Event.BACKUP_RESTORED,
        database=backup.manifest.database,
        made_at=backup.manifest.made_at,
        authenticated=not doubt,
    )
    return Restored(backup.manifest, check_readability(), aside, doubt, left_out)


def _refuse_unless(unauthenticated: bool, doubt: str) -> None:
    if not unauthenticated:
        raise UnsealedBackup(
            _(
                "Nothing was restored, because no key here authenticates this backup. %(why)s If you trust its "
                "source, and it was out of the reach of others since: --unauthenticated"
            )
            % {"why": doubt}
        )


def _refuse_bomb(manifest: archive.Manifest, path: Path) -> None:
    if manifest.total_bytes > max(SMALL, MOST_UNPACKED * path.stat().st_size):
        raise NotRestored(_("The backup contains more than it should."))


def _refuse_too_large(manifest: archive.Manifest, folder: Path) -> None:
    # The space is needed twice: for the unpacked copy and for the new database.
    needed, free = 2 * manifest.total_bytes, shutil.disk_usage(folder).free
    if needed > free:
        raise NotRestored(
            _("%(folder)s has %(free)s free, and this backup needs %(needed)s there.")
            % {"folder": folder, "free": filesizeformat(free), "needed": filesizeformat(needed)}
        )


def _refuse_foreign(manifest: archive.Manifest) -> None:
    if manifest.database != connection.vendor:
        raise NotRestored(
            _("This backup is of %(theirs)s, and this installation uses %(ours)s (ALERTADMIN_DATABASE_URL).")
            % {"theirs": manifest.database, "ours": connection.vendor}
        )
    if ahead := supervisor_migrations.ahead(
        {(app, name) for app, _dot, name in (one.partition(".") for one in manifest.migrations)}
    ):
        raise NotRestored(
            _(
                "This backup was made by a newer version of alertadmin (%(version)s; it has %(name)s). Install "
                "that version."
            )
            % {"version": manifest.version, "name": ahead}
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        claim = file_lock.FileLock(folder / "up.lock")
    except file_lock.LockInUse:
        raise NotRestored(_("alertadmin runs in %(folder)s. Stop it first.") % {"folder": folder}) from None
    try:
        yield
    finally:
        claim.release()


def _replace_installation(backup: archive.Archive, folder: Path, aside: str) -> tuple[str, list[str]]:
    """Replace the database, after the whole backup was read and checked. Return where the previous database was moved,
    and what was left out."""
    drafts = {name: folder / f".restore-{secrets.token_hex(4)}" for name in backup.manifest.files}
    try:
        backup.extract(drafts)
        storage = keyring.storage()
        if archive.KEYS in drafts and isinstance(storage, FileStorage):
            storage.require_replaceable()
        moved, left_out = schema_rebuild.put_back(drafts[archive.DATABASE], aside, backup.manifest.migrations)
        if archive.KEYS in drafts and isinstance(storage, FileStorage):
            storage.replace(drafts[archive.KEYS].read_bytes(), folder / aside)
        return moved, left_out
    except keyring.KeyringError as error:
        raise NotRestored(render_error(error)) from None
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
