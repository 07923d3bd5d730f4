"""Putting a backup back: refused while anything could be lost, and followed by a look whether every secret reads."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from alertadmin.accounts import audit
from alertadmin.house import archive, copying, database, lock
from alertadmin.house.prepare import make_folder, prepare
from alertadmin.operator_log import Event, log_event
from alertadmin.registry import key_use, keyring
from alertadmin.registry.key_places import KeyFile
from alertadmin.registry.reading import Reading, read_all
from alertadmin.reminders import witness


class NotRestored(Exception):
    """Nothing was changed; the message is a sentence."""


@dataclass(frozen=True)
class Restored:
    manifest: archive.Manifest
    reading: Reading
    aside: str
    """Where what was there before lies now; empty if there was nothing."""


def restore(path: Path, *, force: bool, now: datetime) -> Restored:
    """Raises NotRestored, BadArchive, CannotCopy, NotPrepared, OSError."""
    folder = settings.DATA_DIR
    with archive.opened(path) as backup:
        _refuse_foreign(backup.manifest)
        make_folder(folder)
        with _alone(folder):
            if copying.is_in_use() and not force:
                raise NotRestored(
                    _("%(where)s is in use already. With --force it is moved aside, and the backup takes its place.")
                    % {"where": database.where()}
                )
            aside = folder / f"before-restore-{now:%Y%m%d-%H%M%S}"
            with lock.held(folder / "prepare.lock"):
                _take_its_place(backup, folder, aside)
    keyring.forget()
    key_use.forget()
    prepare(upgrade=True)
    witness.was_put_back(backup.manifest.moment)
    with transaction.atomic():
        audit.record(audit.Act.BACKUP_RESTORED, now=now, kind=f"made at {backup.manifest.made_at}")
    log_event(Event.BACKUP_RESTORED, database=backup.manifest.database, made_at=backup.manifest.made_at)
    return Restored(backup.manifest, read_all(), _where(aside))


def _where(aside: Path) -> str:
    if connection.vendor == "sqlite":
        return str(aside) if aside.exists() else ""
    return _("the schema %(name)s") % {"name": aside.name}


def _refuse_foreign(manifest: archive.Manifest) -> None:
    if manifest.database != connection.vendor:
        raise NotRestored(
            _("This backup is of %(theirs)s, and this installation uses %(ours)s (ALERTADMIN_DATABASE_URL).")
            % {"theirs": manifest.database, "ours": connection.vendor}
        )
    if ahead := database.ahead(
        {(app, name) for app, _dot, name in (one.partition(".") for one in manifest.migrations)}
    ):
        raise NotRestored(
            _("This backup was made by a newer version of alertadmin (%(version)s; it has %(name)s). Install it.")
            % {"version": manifest.version, "name": ahead}
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        claim = lock.Claim(folder / "up.lock")
    except lock.InUse:
        raise NotRestored(_("alertadmin runs in %(folder)s. Stop it first.") % {"folder": folder}) from None
    try:
        yield
    finally:
        claim.release()


def _take_its_place(backup: archive.Archive, folder: Path, aside: Path) -> None:
    """All of the backup is read and checked before anything is moved."""
    drafts = {name: folder / f".restore-{secrets.token_hex(4)}" for name in backup.manifest.files if name in WANTED}
    try:
        for name, draft in drafts.items():
            backup.extract(name, draft)
        copying.check(drafts[archive.DATABASE])
        copying.put_back(drafts[archive.DATABASE], aside)
        place = keyring.place()
        if archive.KEYS in drafts and isinstance(place, KeyFile):
            if place.exists:
                aside.mkdir(mode=0o700, exist_ok=True)
                place.path.rename(aside / place.path.name)
            drafts[archive.KEYS].replace(place.path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


WANTED = (archive.DATABASE, archive.KEYS)
