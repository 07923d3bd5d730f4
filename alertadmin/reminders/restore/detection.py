"""Detect that the database was restored from a backup, by a small file beside the keyring that records the last scan
committed on this machine, and is not part of the database.

The database is an older copy if it lacks that scan, has another scan with its number, or has none at all. The `restore`
command records itself and the time of its backup. If the whole data folder was copied, the file came along: then it has
another inode than the one recorded in it. Nothing depends on the file: if it is lost, unreadable or not writable, no
restore is detected, and reminders are sent as usual.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Max

from alertadmin.registry.models import Credential, Mailbox
from alertadmin.reminders.models import Scan

log = logging.getLogger(__name__)

NAME = "last-scan.json"
JUST_MOVED = timedelta(hours=3)
"""A folder copied with a scan this recent was moved to another machine: no reminder can have been sent meanwhile."""


@dataclass(frozen=True)
class SeenScan:
    scan: int
    """Its id; 0 if there was none before the backup that was restored here."""
    at: datetime
    was_copied: bool
    restored: datetime | None = None
    """Time of the backup that was restored since, if later scans are known: then it is certainly a copy."""


def record_scan(scan: Scan) -> None:
    """Record a scan. Call it after its commit."""
    _write(scan.pk, scan.started_at)


def database_restored(made_at: datetime) -> None:
    """Record that the database was restored from a backup of `made_at`. A record of later scans is kept; without one,
    as on another machine, the backup's own last scan is recorded, as for a copied folder."""
    latest, seen = _latest(), _read()
    at = latest.started_at if latest else made_at
    if seen is not None and seen.at > at:
        _write(seen.scan, seen.at, was_copied=True, restored=at)
    else:
        _write(latest.pk if latest else 0, at, was_copied=True)


def _write(scan: int, at: datetime, *, was_copied: bool = False, restored: datetime | None = None) -> None:
    path = _path()
    beside = path.with_name(f".{NAME}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            inode = 0 if was_copied else os.fstat(descriptor).st_ino
            seen = {"scan": scan, "at": at.isoformat(), "inode": inode}
            json.dump(seen | ({"restored": restored.isoformat()} if restored else {}), file)
        beside.replace(path)
    except OSError as error:
        log.warning("%s cannot be written (%s): a database put back from a copy would not be noticed", path, error)
        with suppress(OSError):
            beside.unlink()


def restored_from(now: datetime) -> datetime | None:
    """Time of the backup from which the database was restored without a scan knowing it. None if it was not restored,
    or that cannot be determined.

    One query in the normal case.
    """
    seen = _read()
    if seen is None:
        return None
    same = Scan.objects.filter(pk=seen.scan).values_list("started_at", flat=True).first()
    if same == seen.at and not seen.was_copied:
        return None
    latest = _latest()
    # A database without scans is older than the first one, unless it is empty.
    if not (_is_older(latest, same, seen, now) if latest else _newest_row()):
        return None
    # Already noticed, by another machine, or by this one when it could not rewrite its file.
    if Scan.objects.filter(copy_of__isnull=False, started_at__gte=seen.at).exists():
        return None
    return latest.started_at if latest else seen.restored or _newest_row() or seen.at


def _is_older(latest: Scan, same: datetime | None, seen: SeenScan, now: datetime) -> bool:
    if seen.restored or (same is not None and same != seen.at):
        return True
    if same is None:
        # Otherwise the scan was deleted by the retention since.
        return latest.pk < seen.scan
    return latest.pk == seen.scan and now - latest.started_at > JUST_MOVED


def _newest_row() -> datetime | None:
    """When the newest object that can have reminders was created."""
    found = [model.objects.aggregate(at=Max("created_at"))["at"] for model in (Credential, Mailbox)]
    return max((at for at in found if at is not None), default=None)


def _latest() -> Scan | None:
    """The last finished scan."""
    return Scan.objects.exclude(finished_at=None).order_by("-pk").first()


def _path() -> Path:
    return settings.DATA_DIR / NAME


def _read() -> SeenScan | None:
    path = _path()
    try:
        with path.open(encoding="utf-8") as file:
            found, inode = json.load(file), os.fstat(file.fileno()).st_ino
        at, restored = datetime.fromisoformat(found["at"]), found.get("restored")
        was_copied = found["inode"] != inode
        return SeenScan(int(found["scan"]), at, was_copied, datetime.fromisoformat(restored) if restored else None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s cannot be read (%s)", path, type(error).__name__)
        return None
