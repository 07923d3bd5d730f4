"""Apps that may create drafts: after any interruption the message is sent once, and no draft is left behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Literal

import pytest
from django.conf import settings

from alertadmin.outbox import messages, worker
from alertadmin.outbox.delivery import reconcile, sender
from alertadmin.outbox.models import UNNAMED, Attempt, AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import Credential
from sandbox import Sandbox
from tests.factories import Site
from tests.outbox.delivery.test_sender import attempts, content
from tests.outbox.factories import arrived, reminder
from tests.outbox.fake_clock import Time

LAPSED: timedelta = settings.OUTBOX_LEASE + timedelta(seconds=1)
POINTS = ("after-attempt-opened", "draft-begun", "draft-made", "draft-kept", "after-acceptance", "draft-looked-up")
BY_DRAFT_ALONE = POINTS[1:]
QUICK = {(point, point) for point in POINTS} | {
    ("draft-kept", "draft-looked-up"),
    ("after-attempt-opened", "draft-made"),
}


@pytest.fixture
def site(site: Site, sandbox: Sandbox) -> Site:
    """Its app may keep drafts too."""
    sandbox.directory.grant(site.app.client_id, "Mail.ReadWrite")
    return site


@pytest.fixture
def other(site: Site, make_site: Callable[..., Site]) -> Site:
    """Another route, without drafts."""
    return make_site(beside=site)


class Killed(BaseException):
    """The process is gone: nothing after this runs."""


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Time], None]:
    """Runs the worker until it is killed at a step; its lease lapses."""

    def die(point: str, time: Time) -> None:
        def failpoint(name: str) -> None:
            if name == point:
                raise Killed

        with monkeypatch.context() as patch:
            for module in (sender, claims, reconcile):
                patch.setattr(module, "failpoint", failpoint)
            try:
                worker.deliver_due(clock=time)
            except Killed:
                time.passes(LAPSED)
            else:
                time.passes(minutes=5)

    return die


def items(sandbox: Sandbox, site: Site) -> list[str]:
    """What became of the mailbox's drafts, in order."""
    entries = [entry for entry in sandbox.ledger.entries() if entry.get("mailbox") == site.mailbox.address]
    return [entry["kind"] for entry in entries if entry["kind"] in ("draft", "message", "deleted")]


def left(sandbox: Sandbox, site: Site) -> int:
    """Number of drafts left in the mailbox."""
    entries = [entry for entry in sandbox.ledger.entries() if entry.get("mailbox") == site.mailbox.address]
    gone = {entry["item"] for entry in entries if entry["kind"] in ("message", "deleted") and "item" in entry}
    return len({entry["number"] for entry in entries if entry["kind"] == "draft"} - gone)


def test_a_reminder_is_laid_down_and_then_sent(site: Site, sandbox: Sandbox, time: Time) -> None:
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert items(sandbox, site) == ["draft", "message"]
    attempt = delivery.attempts.get()
    assert (attempt.outcome, attempt.draft) == (AttemptOutcome.ACCEPTED, "")
    assert [step["step"] for step in attempt.steps] == ["tenant", "token", "permission", "message"]


def test_without_an_answer_it_is_looked_up_and_not_sent_again(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", reset="after")
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"uncertain": 1}
    delivery.refresh_from_db()
    assert (delivery.was_uncertain, delivery.settled_at) == (True, None)
    assert worker.deliver_due(clock=time) == {}  # not at once
    time.passes(minutes=2)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert len(arrived(sandbox, delivery)) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.was_uncertain, delivery.cause) == (DeliveryState.SENT, False, "")
    attempt = delivery.attempts.get()
    assert (attempt.outcome, attempt.technical) == (AttemptOutcome.ACCEPTED, messages.FOUND_SENT)


def test_a_draft_that_still_waits_is_the_one_that_is_sent(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", reset="before")
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"uncertain": 1}
    time.passes(minutes=2)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert items(sandbox, site) == ["draft", "message"]
    assert attempts(delivery) == [AttemptOutcome.REFUSED, AttemptOutcome.ACCEPTED]
    delivery.refresh_from_db()
    assert not delivery.was_uncertain


class TestKilled:
    @pytest.mark.parametrize("point", BY_DRAFT_ALONE)
    def test_at_any_step_it_comes_once_and_no_draft_stays(
        self, site: Site, sandbox: Sandbox, time: Time, killed_at: Callable[[str, Time], None], point: str
    ) -> None:
        delivery = reminder(time())
        if point == "draft-looked-up":
            sandbox.faults.add("graph", reset="before")
            worker.deliver_due(clock=time)
            time.passes(minutes=2)
        killed_at(point, time)
        worker.deliver_due(clock=time)
        self.came_once(delivery, site, sandbox)

    @pytest.mark.parametrize(
        ("first", "second"),
        [pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow) for pair in product(POINTS, POINTS)],
    )
    def test_twice_in_a_row_too(
        self,
        site: Site,
        sandbox: Sandbox,
        time: Time,
        killed_at: Callable[[str, Time], None],
        first: str,
        second: str,
    ) -> None:
        delivery = reminder(time())
        for point in (first, second):
            killed_at(point, time)
        worker.deliver_due(clock=time)
        self.came_once(delivery, site, sandbox, surely="after-attempt-opened" not in (first, second))

    @staticmethod
    def came_once(delivery: Delivery, site: Site, sandbox: Sandbox, *, surely: bool = True) -> None:
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.SENT
        assert len(arrived(sandbox, delivery)) == 1
        assert left(sandbox, site) == 0
        assert not (surely and delivery.was_uncertain)
        assert not delivery.attempts.exclude(draft="").exists()


class TestWhatCannotBeLookedUp:
    def test_is_sent_once_more_as_it_was(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="after")
        sandbox.faults.add("graph", status=403, stage="lookup", times=None)
        delivery = reminder(time())
        worker.deliver_due(clock=time)
        assert worker.deliver_due(clock=lambda: time() + timedelta(minutes=2)) == {"sent": 1}
        first, second = arrived(sandbox, delivery)
        assert content(first) == content(second)
        delivery.refresh_from_db()
        assert delivery.was_uncertain

    def test_is_sent_until_it_is_accepted(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="after", times=3)
        sandbox.faults.add("graph", status=403, stage="lookup", times=None)
        delivery = reminder(time())
        for _day in range(3):
            assert worker.deliver_due(clock=time) == {"uncertain": 1}
            time.passes(days=1)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert len({content(entry) for entry in arrived(sandbox, delivery)}) == 1

    def test_uses_another_route_if_its_mailbox_was_deleted(
        self, site: Site, other: Site, sandbox: Sandbox, time: Time
    ) -> None:
        sandbox.faults.add("graph", reset="after")
        delivery = reminder(time())
        worker.deliver_due(clock=time)
        site.mailbox.delete()
        assert worker.deliver_due(clock=lambda: time() + timedelta(minutes=2)) == {"sent": 1}
        assert [entry["mailbox"] for entry in arrived(sandbox, delivery)][1:] == [other.mailbox.address]

    def test_for_now_is_asked_for_again(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="after")
        sandbox.faults.add("graph", status=503, stage="lookup", times=3)
        delivery = reminder(time())
        worker.deliver_due(clock=time)
        for _minute in range(3):
            time.passes(minutes=2)
            assert worker.deliver_due(clock=time) == {"uncertain": 1}
            assert worker.deliver_due(clock=time) == {}
        time.passes(minutes=2)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert len(arrived(sandbox, delivery)) == 1

    def test_for_an_hour_is_sent_once_more(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="before")
        sandbox.faults.add("graph", status=503, stage="lookup", times=None)
        delivery = reminder(time())
        worker.deliver_due(clock=time)
        time.passes(hours=2)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert len(arrived(sandbox, delivery)) == 1

    def test_waits_as_long_as_the_server_asks(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="after")
        sandbox.faults.add("graph", status=429, stage="lookup", headers={"Retry-After": "600"})
        reminder(time())
        worker.deliver_due(clock=time)
        time.passes(minutes=2)
        assert worker.deliver_due(clock=time) == {"uncertain": 1}
        before = len(sandbox.ledger.entries())
        assert worker.deliver_due(clock=lambda: time() + timedelta(minutes=9)) == {}
        Delivery.objects.update(not_before=time())  # due at once
        assert worker.deliver_due(clock=time) == {"uncertain": 1}
        assert len(sandbox.ledger.entries()) == before
        assert worker.deliver_due(clock=lambda: time() + timedelta(minutes=11)) == {"sent": 1}


class TestADraftThatIsNotToBeSent:
    def test_is_deleted_if_another_route_was_used(self, site: Site, other: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", status=403, mailbox=site.mailbox.address)
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert items(sandbox, site) == ["draft", "deleted"]
        assert [entry["mailbox"] for entry in arrived(sandbox, delivery)] == [other.mailbox.address]

    def test_after_a_doubt_too(self, site: Site, other: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="before", mailbox=site.mailbox.address)
        sandbox.faults.add("graph", status=403, mailbox=site.mailbox.address)
        delivery = reminder(time())
        worker.deliver_due(clock=time)
        time.passes(days=1)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert items(sandbox, site) == ["draft", "deleted"]
        [entry] = arrived(sandbox, delivery)
        assert entry["mailbox"] == other.mailbox.address
        assert "expires in 4 days" in entry["subject"]  # worded anew: nothing was sent before
        assert attempts(delivery) == [AttemptOutcome.REFUSED, AttemptOutcome.REFUSED, AttemptOutcome.ACCEPTED]

    def test_is_taken_away_where_it_tells_what_is_no_longer_so(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="before")
        delivery = reminder(time())
        worker.deliver_due(clock=time)
        Credential.objects.update(expires_at=time() + timedelta(days=700))
        assert worker.deliver_due(clock=lambda: time() + timedelta(minutes=2)) == {"cancelled": 1}
        assert items(sandbox, site) == ["draft", "deleted"]
        assert arrived(sandbox, delivery) == []

    @pytest.mark.parametrize("reset", ["before", "after"])
    def test_is_deleted_later_if_its_id_was_not_known(
        self, site: Site, other: Site, sandbox: Sandbox, time: Time, reset: Literal["before", "after"]
    ) -> None:
        sandbox.faults.add("graph", reset=reset, stage="draft", mailbox=site.mailbox.address)
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert delivery.attempts.first().draft == UNNAMED  # type: ignore[union-attr]
        assert left(sandbox, site) == (reset == "after")
        worker.deliver_due(clock=lambda: time() + timedelta(minutes=3))
        assert left(sandbox, site) == 0
        assert not Attempt.objects.exclude(draft="").exists()
        assert len(arrived(sandbox, delivery)) == 1

    def test_is_tried_again_for_a_week_if_it_cannot_be_taken_away(
        self, site: Site, other: Site, sandbox: Sandbox, time: Time
    ) -> None:
        sandbox.faults.add("graph", status=403, mailbox=site.mailbox.address)
        sandbox.faults.add("graph", status=503, stage="delete", times=None)
        reminder(time())
        worker.deliver_due(clock=time)
        worker.deliver_due(clock=time)
        assert left(sandbox, site) == 1
        assert Attempt.objects.exclude(draft="").exists()
        time.passes(days=8)
        worker.deliver_due(clock=time)
        assert not Attempt.objects.exclude(draft="").exists()


class TestATest:
    @pytest.mark.parametrize("reset", ["before", "after"])
    def test_without_an_answer_is_looked_up_too(
        self, site: Site, sandbox: Sandbox, time: Time, reset: Literal["before", "after"]
    ) -> None:
        sandbox.faults.add("graph", reset=reset)
        delivery = test_send.create(site.mailbox, "me@northpark.example", now=time())
        assert worker.deliver_due(clock=time) == {"uncertain": 1}
        assert worker.deliver_due(clock=lambda: time() + timedelta(minutes=2)) == {"sent": 1}
        assert len(arrived(sandbox, delivery)) == 1

    def test_that_cannot_be_looked_up_stays_in_doubt(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="after")
        sandbox.faults.add("graph", status=403, stage="lookup")
        delivery = test_send.create(site.mailbox, "me@northpark.example", now=time())
        worker.deliver_due(clock=time)
        assert worker.deliver_due(clock=lambda: time() + timedelta(minutes=2)) == {"uncertain": 1}
        assert worker.deliver_due(clock=lambda: time() + timedelta(days=1)) == {}
        assert len(arrived(sandbox, delivery)) == 1


def test_a_worker_that_slept_over_its_draft_sends_nothing(
    site: Site, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes up without a lease and sends nothing; the next worker creates its own draft."""
    delivery = reminder(time())
    keep = claims.save_draft

    def sleep(attempt: Attempt, draft: str) -> bool:
        if draft == UNNAMED:
            return keep(attempt, draft)
        monkeypatch.undo()
        claims.reclaim_expired_leases(time.passes(LAPSED))
        return keep(attempt, draft)

    monkeypatch.setattr(claims, "save_draft", sleep)
    assert worker.deliver_due(clock=time) == {"sending": 1, "sent": 1}
    assert len(arrived(sandbox, delivery)) == 1
    assert attempts(delivery) == [AttemptOutcome.REFUSED, AttemptOutcome.ACCEPTED]
    worker.deliver_due(clock=lambda: time() + timedelta(minutes=3))
    assert left(sandbox, site) == 0
