"""What matters at night leaves one line each; the document lists every event."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from alertadmin.backup import creation
from alertadmin.crypto import key_usage, keyring, reencryption
from alertadmin.operator_log import Event
from alertadmin.registry.consent import checks
from alertadmin.registry.consent.consent_client import ConsentCheck, ConsentTarget, PermissionResult
from alertadmin.registry.models import ConsentStatus
from alertadmin.registry.permissions import Permission
from alertadmin.reminders import retention
from alertadmin.reminders.scan import scanner
from alertadmin.reminders.scan.sources import SOURCES
from tests.conftest import set_environment
from tests.factories import Rows
from tests.operator_log.lines import logged

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def test_document_lists_exactly_the_events() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split("| Event | Level | Fields |")[1].split("\n\n")[0]
    firsts = [row.split("|")[1] for row in section.splitlines() if "|" in row]
    listed = [name for first in firsts for name in re.findall(r"`([a-z]+\.[a-z]+)`", first)]
    assert sorted(listed) == sorted(event.value for event in Event)


@pytest.mark.django_db
def test_each_scan_is_one_line(rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=30)
    with logged() as lines:
        first = scanner.run(NOW)
        scanner.run(NOW)
    found = lines.of("scan.finished")
    assert [(one["level"], one["reminders"], one["deliveries"]) for one in found] == [("INFO", 1, 1), ("INFO", 0, 0)]
    assert found[0]["scan"] == first.pk
    assert found[0]["duration_ms"] >= 0


@pytest.mark.django_db
def test_failed_scan_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any) -> int:
        raise DatabaseError("canary: a row")

    monkeypatch.setattr(SOURCES[0], "due", fails)
    with logged() as lines, pytest.raises(DatabaseError):
        scanner.run(NOW)
    [line] = lines.of("scan.failed")
    assert (line["level"], line["cause"]) == ("ERROR", "DatabaseError")
    assert "canary" not in lines.json[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("after", "level"), [(ConsentStatus.GRANTED, "INFO"), (ConsentStatus.NOT_IN_TOKEN, "WARNING")])
def test_each_change_of_a_consent_is_one_line(rows: Rows, after: ConsentStatus, level: str) -> None:
    app = rows.app()
    wanted = ConsentTarget(app, app.tenant, (Permission.MAIL_SEND,))

    def answered(status: ConsentStatus) -> None:
        checks._store(ConsentCheck(wanted, None, [PermissionResult(Permission.MAIL_SEND, status)]), NOW)

    with logged() as lines:
        answered(ConsentStatus.ERROR)
        answered(after)
        answered(after)
    [line] = lines.of("consent.changed")
    assert (line["level"], line["after"], line["app"], line["permission"]) == (level, after, str(app.pk), "Mail.Send")


@pytest.mark.django_db(transaction=True)
def test_rolled_back_change_is_not_logged(rows: Rows) -> None:
    app = rows.app()
    wanted = ConsentTarget(app, app.tenant, (Permission.MAIL_SEND,))
    checks._store(ConsentCheck(wanted, None, [PermissionResult(Permission.MAIL_SEND, ConsentStatus.GRANTED)]), NOW)
    with logged() as lines, transaction.atomic():
        checks._store(ConsentCheck(wanted, None, [PermissionResult(Permission.MAIL_SEND, ConsentStatus.ERROR)]), NOW)
        transaction.set_rollback(True)
    assert not lines.of("consent.changed")


@pytest.mark.django_db
def test_retention_and_keys_are_one_line_each(tmp_path: Path, settings: Any) -> None:
    set_environment(settings, KEYS_FILE=str(tmp_path / "keys.json"))
    keyring.storage().create()
    with logged() as lines:
        retention.prune(NOW + timedelta(days=1))
        key = key_usage.add_primary()
        reencryption.rotate()
        old = next(one for one in keyring.load().ciphers if one != key)
        key_usage.retire(old)
    assert [one["event"] for one in lines.objects] == [
        "retention.finished",
        "key.added",
        "keys.rotated",
        "key.retired",
    ]
    assert lines.objects[1]["key"] == lines.objects[2]["key"] == key
    assert lines.objects[3]["key"] == old


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_backup_is_one_line(tmp_path: Path) -> None:
    with logged() as lines:
        creation.create_backup(tmp_path / "one.backup", with_keys=False, now=NOW)
    [line] = lines.of("backup.made")
    assert line["with_keys"] is False
    assert line["bytes"] == (tmp_path / "one.backup").stat().st_size
