"""A restored database does not contain the reminders sent since its backup: they are held for review for a day instead
of being sent again. Urgent reminders, and those that were merely late, are not held."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from alertadmin.outbox import messages, worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue import manual_actions
from alertadmin.registry.models import Contact, Credential, Mailbox
from alertadmin.reminders import run_once
from alertadmin.reminders.models import Reminder, ReminderLine, Scan
from alertadmin.reminders.restore import detection, review
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.outbox.fake_clock import Time

FEW, MANY = 2, 3
LATER = timedelta(hours=30)
"""Of a copy made last night, after a day's reminders."""


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A data folder of this test's own, as far as the witness is concerned."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    return Path(settings.DATA_DIR)


@pytest.fixture
def site(
    sandbox: Sandbox, transactional_db: None, folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """A secret that ends in twenty days, and more people to tell than are told without a question (here after two)."""
    monkeypatch.setattr(review, "FEW", FEW)
    rows = Rows(now)
    site = rows.site(sandbox, days=20, contacts=[])
    Contact.objects.bulk_create(
        [Contact(tenant=site.tenant, email=f"duty{number}@{site.tenant.domain}") for number in range(MANY)]
    )
    return site


def scanned_long_before(at: datetime) -> None:
    """When there was nothing to tell."""
    ends_at = Credential.objects.get().expires_at
    Credential.objects.update(expires_at=at + timedelta(days=700))
    scanner.run(at)
    Credential.objects.update(expires_at=ends_at)


def works(at: datetime) -> Counter[str]:
    return worker.deliver_due(clock=lambda: at)


def sent_to(sandbox: Sandbox, site: Site) -> Counter[str]:
    """How many mails each person got."""
    domain = f"@{site.tenant.domain}"
    found = [entry["to"][0] for entry in sandbox.ledger.messages() if entry["to"][0].endswith(domain)]
    return Counter(address for address in found if address.startswith("duty"))


def reasons() -> set[str]:
    return set(Delivery.objects.values_list("reason", flat=True))


class Copy:
    """The tables that a scan and its mails write, taken aside and put back: as an administrator's backup."""

    MODELS: tuple[Any, ...] = (Scan, Reminder, Delivery, ReminderLine)

    def __init__(self) -> None:
        self._rows = {model: list(model.objects.order_by("pk")) for model in self.MODELS}

    def put_back(self) -> None:
        for model in reversed(self.MODELS):
            model.objects.all().delete()
        for model in self.MODELS:
            model.objects.bulk_create(self._rows[model])


def copied(folder: Path) -> None:
    """The whole folder was copied, and the copy put in its place: the same files, each another inode."""
    aside = folder.with_name("aside")
    shutil.copytree(folder, aside)
    keep = folder.with_name("old")
    folder.rename(keep)
    aside.rename(folder)


@pytest.fixture
def put_back(site: Site, now: datetime) -> datetime:
    """A copy was made, a scan owed something to everybody, and the copy was put back. When that was."""
    return _put_back(now, lambda: None)


@pytest.fixture
def told_since(site: Site, now: datetime) -> datetime:
    """The same, when everybody had been told in between."""
    return _put_back(now, lambda: works(now))


def _put_back(now: datetime, meanwhile: Callable[[], object]) -> datetime:
    scanned_long_before(now - timedelta(days=20))
    copy = Copy()
    scanner.run(now)
    meanwhile()
    copy.put_back()
    return now + LATER


def remembers_more(folder: Path) -> bytes:
    """A copy that is put back numbers its scans from where it stood; here the numbers go on, so the witness has to be
    ahead of them. Returns what it says."""
    path = folder / detection.NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), "scan": 10**6}))
    return path.read_bytes()


class TestPutBack:
    def test_nobody_is_told_twice_before_somebody_could_say_so(
        self, told_since: datetime, site: Site, sandbox: Sandbox
    ) -> None:
        for hours in (0, 1, 12, 23):
            scanner.run(told_since + timedelta(hours=hours))
            works(told_since + timedelta(hours=hours))
        assert set(sent_to(sandbox, site).values()) == {1}
        assert review.held(told_since).count() == MANY

    def test_a_worker_that_comes_before_any_scan_looks_first(self, site: Site, sandbox: Sandbox, now: datetime) -> None:
        scanned_long_before(now - timedelta(days=20))
        scanner.run(now)
        copy = Copy()  # in it all of them wait
        works(now)
        scanner.run(now + timedelta(hours=1))
        copy.put_back()
        assert works(now + LATER) == {}
        assert set(sent_to(sandbox, site).values()) == {1}
        assert review.held(now + LATER).count() == MANY

    def test_after_a_day_they_leave_by_themselves(self, told_since: datetime, site: Site, sandbox: Sandbox) -> None:
        scanner.run(told_since)
        assert works(told_since + review.LONGEST) == {"sent": MANY}
        assert set(sent_to(sandbox, site).values()) == {2}

    @pytest.mark.parametrize("ends_in", [-3, 0, 7])
    def test_what_is_urgent_leaves_at_once(self, put_back: datetime, site: Site, ends_in: int) -> None:
        Credential.objects.update(expires_at=put_back + timedelta(days=ends_in))
        scanner.run(put_back)
        assert works(put_back) == {"sent": MANY}

    def test_a_few_are_no_storm(self, put_back: datetime, site: Site) -> None:
        Contact.objects.exclude(pk__in=Contact.objects.values("pk")[:FEW]).delete()
        scanner.run(put_back)
        assert works(put_back) == {"sent": FEW}

    def test_what_comes_later_is_told_as_ever(self, put_back: datetime) -> None:
        scanner.run(put_back)
        Credential.objects.update(expires_at=put_back + timedelta(days=30))
        scanner.run(put_back + timedelta(hours=1))
        assert works(put_back + timedelta(hours=1)) == {"sent": MANY}

    def test_nothing_is_held_a_second_time(self, put_back: datetime, site: Site, folder: Path) -> None:
        scanner.run(put_back)
        Delivery.objects.update(not_before=put_back)
        (folder / detection.NAME).write_text(
            json.dumps({"scan": 10**6, "at": (put_back + timedelta(hours=1)).isoformat(), "inode": 0})
        )
        scanner.run(put_back + timedelta(hours=2))
        assert Scan.objects.filter(copy_of__isnull=False).count() == 2
        assert review.held(put_back + timedelta(hours=2)).count() == 0

    def test_the_scan_that_noticed_it_says_of_when_the_copy_was(self, put_back: datetime, now: datetime) -> None:
        scanner.run(put_back)
        found = review.put_back()
        assert found is not None
        assert (found.copy_of, found.noticed_at) == (now - timedelta(days=20), put_back)

    def test_a_witness_that_cannot_be_written_holds_once_all_the_same(
        self, put_back: datetime, site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remembers_more(folder)
        monkeypatch.setattr(Path, "replace", _disk_is_full)
        for minutes in range(0, 90, 30):
            scanner.run(put_back + timedelta(minutes=minutes))
        assert Scan.objects.filter(copy_of__isnull=False).count() == 1
        assert [path.name for path in folder.iterdir()] == [detection.NAME]

    def test_another_machine_that_remembers_more_holds_nothing_once_more(
        self, put_back: datetime, site: Site, folder: Path
    ) -> None:
        its_own = remembers_more(folder)
        scanner.run(put_back)
        (folder / detection.NAME).write_bytes(its_own)
        assert detection.copy_of(put_back + timedelta(days=3)) is None


def _disk_is_full(self: Path, target: Path) -> None:
    raise OSError(28, "No space left on device")


class TestThePersonWhoDecides:
    def test_were_told_they_are_not_told_again_of_that_threshold(
        self, told_since: datetime, site: Site, sandbox: Sandbox
    ) -> None:
        scanner.run(told_since)
        assert review.mark_notified(review.held(told_since), "ada@northpark.example", told_since) == MANY
        for days in range(3):
            scanner.run(told_since + timedelta(days=days))
            works(told_since + timedelta(days=days))
        assert set(sent_to(sandbox, site).values()) == {1}
        assert reasons() == {messages.SENT_BEFORE_RESTORE % {"by": "ada@northpark.example"}}
        # The next threshold is told as ever.
        scanner.run(told_since + timedelta(days=6))
        assert works(told_since + timedelta(days=6)) == {"sent": MANY}

    def test_sent_now_they_leave(self, put_back: datetime, site: Site) -> None:
        scanner.run(put_back)
        assert review.send(review.held(put_back), put_back) == MANY
        assert works(put_back) == {"sent": MANY}

    def test_one_may_be_sent_from_its_own_page(self, put_back: datetime) -> None:
        scanner.run(put_back)
        one = review.held(put_back).first()
        assert one is not None
        assert manual_actions.send_now(one.pk, put_back)
        assert works(put_back) == {"sent": 1}
        assert review.held(put_back).count() == MANY - 1

    def test_whoever_asks_for_everything_to_leave_does_not_ask_for_it(self, put_back: datetime, site: Site) -> None:
        Delivery.objects.update(tries=1)
        time = Time(put_back)
        done = run_once.run_once(clock=time, pause=time.pause)
        Delivery.objects.update(tries=1)
        again = run_once.run_once(clock=time, pause=time.pause)
        assert (done.held_for_review, again.held_for_review) == (MANY, MANY)
        assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.PENDING}


class TestNoCopy:
    @pytest.mark.parametrize("days", [1, 3, 40])
    def test_after_an_outage_everybody_is_told_at_once(self, site: Site, now: datetime, days: int) -> None:
        scanned_long_before(now)
        back = now + timedelta(days=days)
        Credential.objects.update(expires_at=back + timedelta(days=20))
        scanner.run(back)
        assert works(back) == {"sent": MANY}

    def test_without_a_witness_everybody_is_told(self, put_back: datetime, folder: Path) -> None:
        (folder / detection.NAME).unlink()
        scanner.run(put_back)
        assert works(put_back) == {"sent": MANY}

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"scan": null}', '{"scan": 1, "at": "x", "inode": 0}'])
    def test_a_witness_that_makes_no_sense_is_not_believed(self, put_back: datetime, folder: Path, text: str) -> None:
        (folder / detection.NAME).write_text(text)
        scanner.run(put_back)
        assert works(put_back) == {"sent": MANY}

    def test_a_witness_that_fails_keeps_nothing_from_being_sent(
        self, site: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scanner.run(now)
        monkeypatch.setattr(detection, "copy_of", lambda _now: 1 / 0)
        assert works(now) == {"sent": MANY}

    def test_a_scan_that_was_pruned_since_proves_nothing(self, site: Site, now: datetime, folder: Path) -> None:
        scanned_long_before(now - timedelta(days=1))
        old = (folder / detection.NAME).read_bytes()
        scanner.run(now)
        Scan.objects.filter(started_at__lt=now).delete()
        (folder / detection.NAME).write_bytes(old)
        assert detection.copy_of(now) is None


class TestTheWholeFolder:
    def test_a_copy_of_all_of_it_is_noticed_by_its_files(self, site: Site, folder: Path, now: datetime) -> None:
        scanned_long_before(now - timedelta(days=20))
        copied(folder)
        scanner.run(now)
        assert works(now) == {}
        assert review.held(now).count() == MANY

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
        """Everybody was told since, and the copy was put back. When that was."""
        Scan.objects.all().delete()
        copy = Copy()
        scanner.run(now)
        works(now)
        copy.put_back()
        assert not Scan.objects.exists()
        return now + timedelta(minutes=10)

    def test_nobody_is_told_twice_before_somebody_could_say_so(
        self, never_scanned: datetime, site: Site, sandbox: Sandbox
    ) -> None:
        for hours in (0, 1, 23):
            scanner.run(never_scanned + timedelta(hours=hours))
            works(never_scanned + timedelta(hours=hours))
        assert set(sent_to(sandbox, site).values()) == {1}
        assert review.held(never_scanned).count() == MANY

    def test_the_page_says_when_the_last_of_it_was_entered(self, never_scanned: datetime) -> None:
        scanner.run(never_scanned)
        found = review.put_back()
        assert found is not None
        assert found.copy_of == max(Mailbox.objects.get().created_at, Credential.objects.get().created_at)

    def test_put_back_by_our_command_it_says_when_the_backup_was_made(self, never_scanned: datetime) -> None:
        made_at = never_scanned - timedelta(hours=1)
        detection.database_restored(made_at)
        assert detection.copy_of(never_scanned) == made_at
        scanner.run(never_scanned)
        assert review.held(never_scanned).count() == MANY
        assert detection.copy_of(never_scanned) is None

    def test_on_another_machine_too(self, never_scanned: datetime, folder: Path) -> None:
        (folder / detection.NAME).unlink()
        detection.database_restored(never_scanned)
        scanner.run(never_scanned)
        assert review.held(never_scanned).count() == MANY

    def test_an_empty_database_beside_an_old_witness_is_a_new_installation(
        self, never_scanned: datetime, site: Site
    ) -> None:
        site.mailbox.delete()
        Credential.objects.all().delete()
        assert detection.copy_of(never_scanned) is None

    def test_it_is_noticed_once(self, never_scanned: datetime) -> None:
        scanner.run(never_scanned)
        assert detection.copy_of(never_scanned + timedelta(hours=1)) is None


class TestPutBackByOurCommand:
    def test_a_backup_of_another_installation_is_a_copy_whatever_its_numbers(
        self, site: Site, folder: Path, now: datetime
    ) -> None:
        """It scanned more often than this one did, and has pruned the scan by whose number it could be told."""
        scanner.run(now)
        for model in (ReminderLine, Reminder, Scan):
            model._default_manager.all().delete()
        latest = Scan.objects.create(pk=10**6, started_at=now - timedelta(days=1), finished_at=now - timedelta(days=1))
        assert detection.copy_of(now) is None
        detection.database_restored(now)
        assert detection.copy_of(now) == latest.started_at

    def test_a_fresh_backup_is_believed_on_another_machine(self, site: Site, folder: Path, now: datetime) -> None:
        scanner.run(now)
        (folder / detection.NAME).unlink()
        detection.database_restored(now)
        assert detection.copy_of(now + timedelta(hours=1)) is None
        assert detection.copy_of(now + timedelta(hours=4)) == now

    def test_a_scan_that_never_came_to_its_end_is_not_when_the_copy_was(
        self, told_since: datetime, now: datetime
    ) -> None:
        Scan.objects.create(started_at=told_since - timedelta(minutes=5))
        assert detection.copy_of(told_since) == now - timedelta(days=20)
