"""A restored database is detected: by its scans, by files that were copied, by our own command; and by nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alertadmin.registry.models import Credential, Mailbox
from alertadmin.reminders.models import Reminder, ReminderLine, Scan
from alertadmin.reminders.restore import detection, review
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Site
from tests.reminders.restore.scenario import MANY, Backup, copied, scanned_long_before, sent_to, works


class TestNotRestored:
    @pytest.mark.parametrize("days", [1, 3, 40])
    def test_reminders_are_sent_at_once_after_an_outage(self, site: Site, now: datetime, days: int) -> None:
        scanned_long_before(now)
        back = now + timedelta(days=days)
        Credential.objects.update(expires_at=back + timedelta(days=20))
        scanner.run(back)
        assert works(back) == {"sent": MANY}

    def test_reminders_are_sent_without_the_record(self, put_back: datetime, folder: Path) -> None:
        (folder / detection.NAME).unlink()
        scanner.run(put_back)
        assert works(put_back) == {"sent": MANY}

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"scan": null}', '{"scan": 1, "at": "x", "inode": 0}'])
    def test_invalid_record_is_ignored(self, put_back: datetime, folder: Path, text: str) -> None:
        (folder / detection.NAME).write_text(text)
        scanner.run(put_back)
        assert works(put_back) == {"sent": MANY}

    def test_failing_detection_does_not_prevent_sending(
        self, site: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scanner.run(now)
        monkeypatch.setattr(detection, "restored_from", lambda _now: 1 / 0)
        assert works(now) == {"sent": MANY}

    def test_a_scan_that_was_pruned_since_proves_nothing(self, site: Site, now: datetime, folder: Path) -> None:
        scanned_long_before(now - timedelta(days=1))
        old = (folder / detection.NAME).read_bytes()
        scanner.run(now)
        Scan.objects.filter(started_at__lt=now).delete()
        (folder / detection.NAME).write_bytes(old)
        assert detection.restored_from(now) is None


class TestCopiedFolder:
    def test_a_copy_of_all_of_it_is_noticed_by_its_files(self, site: Site, folder: Path, now: datetime) -> None:
        scanned_long_before(now - timedelta(days=20))
        copied(folder)
        scanner.run(now)
        assert works(now) == {}
        assert review.awaiting_review(now).count() == MANY

    def test_moved_to_another_machine_within_hours_it_goes_on(self, site: Site, folder: Path, now: datetime) -> None:
        scanned_long_before(now - timedelta(hours=2))
        copied(folder)
        scanner.run(now)
        assert works(now) == {"sent": MANY}

    def test_the_witness_is_its_owner_s_alone(self, site: Site, folder: Path, now: datetime) -> None:
        scanner.run(now)
        assert (folder / detection.NAME).stat().st_mode & 0o777 == 0o600


class TestBeforeTheFirstScan:
    """A copy that was made before anything was ever scanned."""

    @pytest.fixture
    def never_scanned(self, site: Site, sandbox: Sandbox, now: datetime) -> datetime:
        """All reminders were sent since the backup, which was then restored. The time of the restore."""
        Scan.objects.all().delete()
        copy = Backup()
        scanner.run(now)
        works(now)
        copy.put_back()
        assert not Scan.objects.exists()
        return now + timedelta(minutes=10)

    def test_deliveries_are_held_for_review(self, never_scanned: datetime, site: Site, sandbox: Sandbox) -> None:
        for hours in (0, 1, 23):
            scanner.run(never_scanned + timedelta(hours=hours))
            works(never_scanned + timedelta(hours=hours))
        assert set(sent_to(sandbox, site).values()) == {1}
        assert review.awaiting_review(never_scanned).count() == MANY

    def test_the_page_says_when_the_last_of_it_was_entered(self, never_scanned: datetime) -> None:
        scanner.run(never_scanned)
        found = review.last_restore()
        assert found is not None
        assert found.copy_of == max(Mailbox.objects.get().created_at, Credential.objects.get().created_at)

    def test_restore_command_records_the_time_of_the_backup(self, never_scanned: datetime) -> None:
        made_at = never_scanned - timedelta(hours=1)
        detection.database_restored(made_at)
        assert detection.restored_from(never_scanned) == made_at
        scanner.run(never_scanned)
        assert review.awaiting_review(never_scanned).count() == MANY
        assert detection.restored_from(never_scanned) is None

    def test_on_another_machine_too(self, never_scanned: datetime, folder: Path) -> None:
        (folder / detection.NAME).unlink()
        detection.database_restored(never_scanned)
        scanner.run(never_scanned)
        assert review.awaiting_review(never_scanned).count() == MANY

    def test_an_empty_database_beside_an_old_witness_is_a_new_installation(
        self, never_scanned: datetime, site: Site
    ) -> None:
        site.mailbox.delete()
        Credential.objects.all().delete()
        assert detection.restored_from(never_scanned) is None

    def test_it_is_noticed_once(self, never_scanned: datetime) -> None:
        scanner.run(never_scanned)
        assert detection.restored_from(never_scanned + timedelta(hours=1)) is None


class TestRestoreCommand:
    def test_backup_of_another_installation_is_detected(self, site: Site, folder: Path, now: datetime) -> None:
        """It scanned more often than this one, and has pruned the scan whose number would identify it."""
        scanner.run(now)
        for model in (ReminderLine, Reminder, Scan):
            model._default_manager.all().delete()
        latest = Scan.objects.create(pk=10**6, started_at=now - timedelta(days=1), finished_at=now - timedelta(days=1))
        assert detection.restored_from(now) is None
        detection.database_restored(now)
        assert detection.restored_from(now) == latest.started_at

    def test_a_fresh_backup_is_believed_on_another_machine(self, site: Site, folder: Path, now: datetime) -> None:
        scanner.run(now)
        (folder / detection.NAME).unlink()
        detection.database_restored(now)
        assert detection.restored_from(now + timedelta(hours=1)) is None
        assert detection.restored_from(now + timedelta(hours=4)) == now

    def test_a_scan_that_never_came_to_its_end_is_not_when_the_copy_was(
        self, told_since: datetime, now: datetime
    ) -> None:
        Scan.objects.create(started_at=told_since - timedelta(minutes=5))
        assert detection.restored_from(told_since) == now - timedelta(days=20)
