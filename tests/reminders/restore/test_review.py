"""A restored database does not contain the reminders sent since its backup: they are held for review for a day instead
of being sent again. Urgent reminders, and those that were merely late, are not held."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alertadmin.outbox import messages
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue import manual_actions
from alertadmin.registry.models import Contact, Credential
from alertadmin.reminders import run_once
from alertadmin.reminders.models import Scan
from alertadmin.reminders.restore import detection, review
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Site
from tests.outbox.fake_clock import Time
from tests.reminders.restore.scenario import (
    AHEAD,
    FEW,
    LATER,
    MANY,
    Backup,
    disk_is_full,
    reasons,
    remembers_more,
    scanned_long_before,
    sent_to,
    works,
)


class TestRestore:
    def test_deliveries_are_held_for_review(self, told_since: datetime, site: Site, sandbox: Sandbox) -> None:
        for hours in (0, 1, 12, 23):
            scanner.run(told_since + timedelta(hours=hours))
            works(told_since + timedelta(hours=hours))
        assert set(sent_to(sandbox, site).values()) == {1}
        assert review.awaiting_review(told_since).count() == MANY

    def test_a_worker_that_comes_before_any_scan_looks_first(self, site: Site, sandbox: Sandbox, now: datetime) -> None:
        scanned_long_before(now - timedelta(days=20))
        scanner.run(now)
        copy = Backup()  # in it all of them wait
        works(now)
        scanner.run(now + timedelta(hours=1))
        copy.put_back()
        assert works(now + LATER) == {}
        assert set(sent_to(sandbox, site).values()) == {1}
        assert review.awaiting_review(now + LATER).count() == MANY

    def test_held_deliveries_are_sent_after_a_day(self, told_since: datetime, site: Site, sandbox: Sandbox) -> None:
        scanner.run(told_since)
        assert works(told_since + review.HOLD_TIME) == {"sent": MANY}
        assert set(sent_to(sandbox, site).values()) == {2}

    @pytest.mark.parametrize("ends_in", [-3, 0, 7])
    def test_urgent_reminders_are_sent_at_once(self, put_back: datetime, site: Site, ends_in: int) -> None:
        Credential.objects.update(expires_at=put_back + timedelta(days=ends_in))
        scanner.run(put_back)
        assert works(put_back) == {"sent": MANY}

    def test_a_few_deliveries_are_not_held(self, put_back: datetime, site: Site) -> None:
        Contact.objects.exclude(pk__in=Contact.objects.values("pk")[:FEW]).delete()
        scanner.run(put_back)
        assert works(put_back) == {"sent": FEW}

    def test_later_reminders_are_sent_as_usual(self, put_back: datetime) -> None:
        scanner.run(put_back)
        Credential.objects.update(expires_at=put_back + timedelta(days=30))
        scanner.run(put_back + timedelta(hours=1))
        assert works(put_back + timedelta(hours=1)) == {"sent": MANY}

    def test_nothing_is_held_a_second_time(self, put_back: datetime, site: Site, folder: Path) -> None:
        scanner.run(put_back)
        Delivery.objects.update(not_before=put_back)
        (folder / detection.NAME).write_text(
            json.dumps({"scan": AHEAD, "at": (put_back + timedelta(hours=1)).isoformat(), "inode": 0})
        )
        scanner.run(put_back + timedelta(hours=2))
        assert Scan.objects.filter(copy_of__isnull=False).count() == 2
        assert review.awaiting_review(put_back + timedelta(hours=2)).count() == 0

    def test_the_scan_that_noticed_it_says_of_when_the_copy_was(self, put_back: datetime, now: datetime) -> None:
        scanner.run(put_back)
        found = review.last_restore()
        assert found is not None
        assert (found.copy_of, found.noticed_at) == (now - timedelta(days=20), put_back)

    def test_unwritable_record_holds_once(
        self, put_back: datetime, site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remembers_more(folder)
        monkeypatch.setattr(Path, "replace", disk_is_full)
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
        assert detection.restored_from(put_back + timedelta(days=3)) is None


class TestDecision:
    def test_deliveries_marked_as_sent_are_not_sent_again(
        self, told_since: datetime, site: Site, sandbox: Sandbox
    ) -> None:
        scanner.run(told_since)
        assert review.mark_notified(review.awaiting_review(told_since), "ada@northpark.example", told_since) == MANY
        for days in range(3):
            scanner.run(told_since + timedelta(days=days))
            works(told_since + timedelta(days=days))
        assert set(sent_to(sandbox, site).values()) == {1}
        assert reasons() == {messages.SENT_BEFORE_RESTORE % {"by": "ada@northpark.example"}}
        # The next threshold is sent as usual.
        scanner.run(told_since + timedelta(days=6))
        assert works(told_since + timedelta(days=6)) == {"sent": MANY}

    def test_sent_now_they_leave(self, put_back: datetime, site: Site) -> None:
        scanner.run(put_back)
        assert review.send(review.awaiting_review(put_back), put_back) == MANY
        assert works(put_back) == {"sent": MANY}

    def test_one_may_be_sent_from_its_own_page(self, put_back: datetime) -> None:
        scanner.run(put_back)
        one = review.awaiting_review(put_back).first()
        assert one is not None
        assert manual_actions.send_now(one.pk, put_back)
        assert works(put_back) == {"sent": 1}
        assert review.awaiting_review(put_back).count() == MANY - 1

    def test_expediting_all_does_not_release_held_deliveries(self, put_back: datetime, site: Site) -> None:
        Delivery.objects.update(tries=1)
        time = Time(put_back)
        done = run_once.run_once(clock=time, pause=time.pause)
        Delivery.objects.update(tries=1)
        again = run_once.run_once(clock=time, pause=time.pause)
        assert (done.held_for_review, again.held_for_review) == (MANY, MANY)
        assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.PENDING}
