"""A site on a restored database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from alertadmin.registry.models import Contact
from alertadmin.reminders.restore import review
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.reminders.restore.scenario import FEW, MANY, restore_backup, works


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A data folder for the file that records the last scan."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    return Path(settings.DATA_DIR)


@pytest.fixture
def site(
    sandbox: Sandbox, transactional_db: None, folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """A secret that expires in twenty days, and more recipients than FEW."""
    monkeypatch.setattr(review, "FEW", FEW)
    rows = Rows(now)
    site = rows.site(sandbox, days=20, contacts=[])
    Contact.objects.bulk_create(
        [Contact(tenant=site.tenant, email=f"duty{number}@{site.tenant.domain}") for number in range(MANY)]
    )
    return site


@pytest.fixture
def put_back(site: Site, now: datetime) -> datetime:
    """A backup, then a scan with reminders for all, then a restore. The time of the restore."""
    return restore_backup(now, lambda: None)


@pytest.fixture
def told_since(site: Site, now: datetime) -> datetime:
    """The same, with the reminders sent before the restore."""
    return restore_backup(now, lambda: works(now))
