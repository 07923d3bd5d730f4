"""A small file beside the key ring that remembers the last scan this machine committed: a witness that a database which
was put back from a copy does not have with it.

It is put back from an older copy where it lacks that scan, has another by its number, or has none at all. `restore`
says so itself, and of when its backup was. Where the whole data folder was copied, the witness came along: then it lies
in another file (inode) than the one in which it was written. Nothing rests on it: lost, unreadable or not to be
written, it is silent, and everything is told as ever.
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
"""A folder that was copied with a scan so fresh was moved to another machine: nothing can have been told meanwhile."""


@dataclass(frozen=True)
class SeenScan:
    scan: int
    """Its id; 0 if there was none before the backup that was put back here."""
    at: datetime
    was_copied: bool
    restored: datetime | None = None
    """Of when the backup is that was put back since, where later scans are known: so it is a copy for certain."""


def record_scan(scan: Scan) -> None:
    """After the scan's commit."""
    _remember(scan.pk, scan.started_at)


def database_restored(made_at: datetime) -> None:
    """The database was just put back from a backup of `made_at`. What is remembered of later scans stays; where nothing
    is, as on another machine, the backup's own last scan is, as of a folder that was copied."""
    latest, seen = _latest(), _seen()
    at = latest.started_at if latest else made_at
    if seen is not None and seen.at > at:
        _remember(seen.scan, seen.at, was_copied=True, restored=at)
    else:
        _remember(latest.pk if latest else 0, at, was_copied=True)


def _remember(scan: int, at: datetime, *, was_copied: bool = False, restored: datetime | None = None) -> None:
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


def copy_of(now: datetime) -> datetime | None:
    """When the copy was made from which the database was put back, and of which no scan knows yet. None if it was not,
    or nobody can tell.

    One question to the database while all is well.
    """
    seen = _seen()
    if seen is None:
        return None
    same = Scan.objects.filter(pk=seen.scan).values_list("started_at", flat=True).first()
    if same == seen.at and not seen.was_copied:
        return None
    latest = _latest()
    # Without any scan it is from before the first one, if it is not empty: told of was all of it since.
    if not (_is_older(latest, same, seen, now) if latest else _newest_row()):
        return None
    # Noticed already, by another machine, or by one that could not write its witness anew.
    if Scan.objects.filter(copy_of__isnull=False, started_at__gte=seen.at).exists():
        return None
    return latest.started_at if latest else seen.restored or _newest_row() or seen.at


def _is_older(latest: Scan, same: datetime | None, seen: SeenScan, now: datetime) -> bool:
    if seen.restored or (same is not None and same != seen.at):
        return True
    if same is None:
        # Else it was pruned since.
        return latest.pk < seen.scan
    return latest.pk == seen.scan and now - latest.started_at > JUST_MOVED


def _newest_row() -> datetime | None:
    """When the last thing was entered of which anybody can be reminded."""
    found = [model.objects.aggregate(at=Max("created_at"))["at"] for model in (Credential, Mailbox)]
    return max((at for at in found if at is not None), default=None)


def _latest() -> Scan | None:
    """The last scan that came to its end."""
    return Scan.objects.exclude(finished_at=None).order_by("-pk").first()


def _path() -> Path:
    return settings.DATA_DIR / NAME


def _seen() -> SeenScan | None:
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
