"""Create a backup: a copy of the database while it is in use, and the encryption keys only on request.

A backup contains no sessions, not the secret key that signs them, and neither `.env` nor the clouds file, which may
have passwords of the operator.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from alertadmin import __version__, audit
from alertadmin.backup import archive, database_copy, seal
from alertadmin.crypto import key_usage, keyring, messages
from alertadmin.crypto.keyring import FileStorage
from alertadmin.operator_log import Event, log_event


def create_backup(path: Path, *, with_keys: bool, sealed: bool = True, now: datetime) -> archive.Manifest:
    """Write the backup to `path`. Raises CannotCopy; KeyringError, unless neither seal nor keys are wanted; OSError."""
    storage = keyring.storage()
    if sealed:
        keyring.load()  # raises before a file is written
    if with_keys and not isinstance(storage, FileStorage):
        raise keyring.KeyringError(messages.KEYS_FIXED)
    with transaction.atomic():
        # Recorded before the copy, so that the copy contains the entry: a restored database shows when it was made.
        audit.record(audit.AuditAction.BACKUP_MADE, now=now, kind="with keys" if with_keys else "without keys")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.DATA_DIR) as folder:
        files = {archive.DATABASE: Path(folder) / archive.DATABASE}
        database_copy.copy_to(files[archive.DATABASE])
        if with_keys:
            storage.load()
            files[archive.KEYS] = Path(folder) / archive.KEYS
            files[archive.KEYS].touch(mode=0o600)
            files[archive.KEYS].write_bytes(Path(storage.name).read_bytes())
        manifest = archive.Manifest(
            version=__version__,
            made_at=now.isoformat(),
            database=connection.vendor,
            migrations=sorted(".".join(key) for key in MigrationRecorder(connection).applied_migrations()),
            keys=dict(key_usage.counts()),
            files={name: archive.described(file) for name, file in files.items()},
            format=archive.FORMAT if sealed else archive.UNSEALED,
        )
        written = manifest.written()
        archive.write(path, written, seal.create_seal(written) if sealed else None, files)
    log_event(
        Event.BACKUP_MADE,
        database=manifest.database,
        with_keys=with_keys,
        sealed=sealed,
        bytes=path.stat().st_size,
    )
    return manifest
