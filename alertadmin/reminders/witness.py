"""A small file beside the key ring that remembers the last scan this machine committed: a witness that a database which
was put back from a copy does not have with it.

It is put back from an older copy where it lacks that scan, or has another by its number. Where the whole data folder
was copied, the witness came along: then it lies in another file (inode) than the one in which it was written. Nothing
rests on it: lost, unreadable or not to be written, it is silent, and everything is told as ever.
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

from alertadmin.reminders.models import Scan

log = logging.getLogger(__name__)

NAME = "last-scan.json"
JUST_MOVED = timedelta(hours=3)
"""A folder that was copied with a scan so fresh was moved to another machine: nothing can have been told meanwhile."""


@dataclass(frozen=True)
class Seen:
    scan: int
    at: datetime
    was_copied: bool


def remember(scan: Scan) -> None:
    """After the scan's commit."""
    _remember(scan, was_copied=False)


def was_put_back() -> None:
    """The database was just put back from a copy. What is remembered of later scans stays; where nothing is, as on
    another machine, the copy's own last scan is, as of a folder that was copied."""
    latest, seen = Scan.objects.order_by("-pk").first(), _seen()
    if latest and (seen is None or seen.at <= latest.started_at):
        _remember(latest, was_copied=True)


def _remember(scan: Scan, *, was_copied: bool) -> None:
    path = _path()
    beside = path.with_name(f".{NAME}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            inode = 0 if was_copied else os.fstat(descriptor).st_ino
            json.dump({"scan": scan.pk, "at": scan.started_at.isoformat(), "inode": inode}, file)
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
    latest = Scan.objects.order_by("-pk").first()
    if latest is None or not _is_older(latest, same, seen, now):
        return None
    # Noticed already, by another machine, or by one that could not write its witness anew.
    is_known = Scan.objects.filter(copy_of__isnull=False, started_at__gte=seen.at).exists()
    return None if is_known else latest.started_at


def _is_older(latest: Scan, same: datetime | None, seen: Seen, now: datetime) -> bool:
    if same is not None and same != seen.at:
        return True
    if same is None:
        # Else it was pruned since.
        return latest.pk < seen.scan
    return latest.pk == seen.scan and now - latest.started_at > JUST_MOVED


def _path() -> Path:
    return settings.DATA_DIR / NAME


def _seen() -> Seen | None:
    path = _path()
    try:
        with path.open(encoding="utf-8") as file:
            found, inode = json.load(file), os.fstat(file.fileno()).st_ino
        return Seen(int(found["scan"]), datetime.fromisoformat(found["at"]), found["inode"] != inode)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s cannot be read (%s)", path, type(error).__name__)
        return None
