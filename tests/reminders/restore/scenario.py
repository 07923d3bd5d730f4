"""A database that is restored from a backup after reminders were sent, and what is sent then."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Credential
from alertadmin.reminders.models import Reminder, ReminderLine, Scan
from alertadmin.reminders.restore import detection
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Site

FEW, MANY = 2, 3
LATER = timedelta(hours=30)
"""Age of a backup made last night, after a day's reminders."""
AHEAD = 10**9
"""A scan number that no test reaches."""


def scanned_long_before(at: datetime) -> None:
    """A scan at a time when no reminder was due."""
    ends_at = Credential.objects.get().expires_at
    Credential.objects.update(expires_at=at + timedelta(days=700))
    scanner.run(at)
    Credential.objects.update(expires_at=ends_at)


def works(at: datetime) -> Counter[str]:
    return worker.deliver_due(clock=lambda: at)


def sent_to(sandbox: Sandbox, site: Site) -> Counter[str]:
    """Number of mails by recipient."""
    domain = f"@{site.tenant.domain}"
    found = [entry["to"][0] for entry in sandbox.ledger.messages() if entry["to"][0].endswith(domain)]
    return Counter(address for address in found if address.startswith("duty"))


def reasons() -> set[str]:
    return set(Delivery.objects.values_list("reason", flat=True))


def copied(folder: Path) -> None:
    """Replace the folder by a copy of it: the same files with other inodes."""
    aside = folder.with_name("aside")
    shutil.copytree(folder, aside)
    keep = folder.with_name("old")
    folder.rename(keep)
    aside.rename(folder)


def restore_backup(now: datetime, meanwhile: Callable[[], object]) -> datetime:
    scanned_long_before(now - timedelta(days=20))
    copy = Backup()
    scanner.run(now)
    meanwhile()
    copy.put_back()
    return now + LATER


def remembers_more(folder: Path) -> bytes:
    """Let the recorded scan number be ahead. (A real restore resets the database's sequence; here it continues.) Return
    the file's content."""
    path = folder / detection.NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), "scan": AHEAD}))
    return path.read_bytes()


def disk_is_full(self: Path, target: Path) -> None:
    raise OSError(28, "No space left on device")


class Backup:
    """A backup, by an administrator, of the tables that a scan and its mails write."""

    MODELS: tuple[Any, ...] = (Scan, Reminder, Delivery, ReminderLine)

    def __init__(self) -> None:
        self._rows = {model: list(model.objects.order_by("pk")) for model in self.MODELS}

    def put_back(self) -> None:
        for model in reversed(self.MODELS):
            model.objects.all().delete()
        for model in self.MODELS:
            model.objects.bulk_create(self._rows[model])
