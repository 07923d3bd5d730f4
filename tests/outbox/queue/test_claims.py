"""Claims: each delivery has one owner at a time, and a worker that is suspended past its lease loses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from tests.outbox.factories import bare
from tests.outbox.fake_clock import Time

LEASE: timedelta = settings.OUTBOX_LEASE
ALMOST = LEASE - timedelta(seconds=1)
LAPSED = LEASE + timedelta(seconds=1)


def claim_one(time: Time) -> Delivery:
    [delivery] = claims.claim(time(), limit=1)
    return delivery


def begun(time: Time) -> tuple[Delivery, Attempt]:
    """A claimed delivery with its first attempt."""
    delivery, attempt = claim_one(time), Attempt(route="by pigeon")
    assert claims.open_attempt(delivery, attempt, time())
    return delivery, attempt


def stored(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


@pytest.mark.usefixtures("db")
class TestClaim:
    def test_most_urgent_is_claimed_first_and_once(self, time: Time) -> None:
        first, second, third = bare(3, time())
        assert claims.claim(time(), limit=2) == [first, second]
        assert claims.claim(time(), limit=2) == [third]
        assert claims.claim(time(), limit=2) == []

    def test_delivery_is_not_claimed_before_its_time(self, time: Time) -> None:
        [delivery] = bare(1, time(), not_before=time() + timedelta(minutes=5))
        assert claims.claim(time(), limit=1) == []
        assert claims.claim(time.passes(minutes=5), limit=1) == [delivery]

    def test_one_purpose_or_one_delivery_can_be_asked_for(self, time: Time) -> None:
        bare(2, time())
        [test] = bare(1, time(), dedupe_key="test", purpose=Purpose.TEST)  # the last of them
        assert claims.claim(time(), limit=9, among=claims.TESTS) == [test]
        other = Delivery.objects.filter(state=DeliveryState.PENDING).last()
        assert other is not None
        assert claims.claim(time(), limit=9, only=other.pk) == [other]

    def test_implausibly_late_delivery_is_due(self, time: Time) -> None:
        [delivery] = bare(1, time(), not_before=time() + timedelta(days=4000))
        assert claims.claim(time(), limit=1) == [delivery]

    def test_unbegun_claim_can_be_returned(self, time: Time) -> None:
        bare(1, time())
        delivery = claim_one(time)
        claims.unclaim(delivery)
        assert claims.claim(time(), limit=1) == [delivery]


def at_once(workers: int, work: Callable[[], list[UUID]]) -> list[list[UUID]]:
    """Each in a thread with a connection of its own, all begun at the same moment."""
    together = Barrier(workers)

    def run(_number: int) -> list[UUID]:
        try:
            together.wait()
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(workers)))


@pytest.mark.django_db(transaction=True)
def test_claimers_at_once_take_each_delivery_once(time: Time) -> None:
    bare(60, time())

    def work() -> list[UUID]:
        taken: list[UUID] = []
        while batch := claims.claim(time(), limit=3):
            taken += [delivery.pk for delivery in batch]
        return taken

    taken = at_once(4, work)
    counted = Counter(pk for worker in taken for pk in worker)
    assert set(counted.values()) == {1}
    # On PostgreSQL no worker waits for another's batch; on SQLite a claim finds what the last one left.
    assert len(counted) == 60


@pytest.mark.django_db(transaction=True)
def test_of_sweepers_at_once_one_takes_back(time: Time) -> None:
    bare(1, time())
    begun(time)
    time.passes(LAPSED)
    swept = at_once(4, lambda: [UUID(int=0)] * claims.reclaim_expired_leases(time()))
    assert sum(map(len, swept)) == 1


@pytest.mark.usefixtures("db")
class TestExpiredLease:
    @pytest.fixture
    def sleeper(self, time: Time) -> Delivery:
        """Claimed, and another's by the time it wakes."""
        bare(1, time())
        delivery = claim_one(time)
        time.passes(LAPSED)
        assert claims.reclaim_expired_leases(time()) == 1
        assert claim_one(time) == delivery
        return delivery

    def test_it_may_not_begin(self, sleeper: Delivery, time: Time) -> None:
        assert not claims.open_attempt(sleeper, Attempt(route="late"), time(), subject="late")
        assert not Attempt.objects.exists()
        assert stored(sleeper).subject == ""

    def test_it_settles_nothing(self, sleeper: Delivery, time: Time) -> None:
        assert not claims.finish(sleeper, DeliveryState.SENT, time())
        assert not claims.release(sleeper, time(), not_before=time())
        claims.unclaim(sleeper)
        assert stored(sleeper).state == DeliveryState.SENDING

    def test_it_renews_nothing(self, sleeper: Delivery, time: Time) -> None:
        assert claims.renew({sleeper.pk: sleeper.owner}, time.passes(minutes=1)) == 0

    def test_it_knows(self, sleeper: Delivery) -> None:
        assert not claims.is_owned(sleeper)


@pytest.mark.usefixtures("db")
class TestSweep:
    def test_it_leaves_a_living_lease_alone(self, time: Time) -> None:
        bare(1, time())
        begun(time)
        time.passes(ALMOST)
        assert claims.reclaim_expired_leases(time()) == 0

    def test_a_renewed_lease_lives_on(self, time: Time) -> None:
        bare(1, time())
        delivery = claim_one(time)
        time.passes(ALMOST)
        assert claims.renew({delivery.pk: delivery.owner}, time()) == 1
        time.passes(ALMOST)
        assert claims.reclaim_expired_leases(time()) == 0

    def test_each_attempt_renews_the_lease(self, time: Time) -> None:
        bare(1, time())
        delivery = claim_one(time)
        time.passes(ALMOST)
        claims.open_attempt(delivery, Attempt(route="second thoughts"), time())
        time.passes(ALMOST)
        assert claims.reclaim_expired_leases(time()) == 0

    def test_without_an_attempt_it_waits_again_as_if_nothing_had_been(self, time: Time) -> None:
        bare(1, time())
        delivery = claim_one(time)
        assert claims.reclaim_expired_leases(time.passes(LAPSED)) == 1
        swept = stored(delivery)
        assert (swept.state, swept.was_uncertain, swept.owner) == (DeliveryState.PENDING, False, None)

    def test_with_an_attempt_it_is_uncertain_and_sent_again_for_as_long_as_it_takes(self, time: Time) -> None:
        bare(1, time())
        for _lost in range(5):
            delivery, attempt = begun(time)
            assert claims.reclaim_expired_leases(time.passes(LAPSED)) == 1
            attempt.refresh_from_db()
            assert attempt.outcome == AttemptOutcome.LOST
            swept = stored(delivery)
            assert (swept.state, swept.was_uncertain, swept.settled_at) == (DeliveryState.UNCERTAIN, True, None)

    def test_uncertain_delivery_stays_uncertain_without_new_attempt(self, time: Time) -> None:
        bare(1, time())
        begun(time)
        claims.reclaim_expired_leases(time.passes(LAPSED))
        for let_go in (claims.unclaim, lambda _delivery: claims.reclaim_expired_leases(time.passes(LAPSED))):
            delivery = claim_one(time)
            let_go(delivery)
            assert stored(delivery).state == DeliveryState.UNCERTAIN

    def test_a_test_is_over_once_it_is_in_doubt(self, time: Time) -> None:
        bare(1, time(), purpose=Purpose.TEST)
        delivery, _attempt = begun(time)
        claims.reclaim_expired_leases(time.passes(LAPSED))
        assert claims.claim(time.passes(days=1), limit=1) == []
        assert stored(delivery).settled_at is not None

    @pytest.mark.parametrize("first_tells", ["after the second was lost too", "while the second is sending"])
    def test_late_success_settles_an_uncertain_delivery(self, time: Time, first_tells: str) -> None:
        """Suspended while the message left, given up as lost, and awake again."""
        bare(1, time())
        first, attempt = begun(time)
        claims.reclaim_expired_leases(time.passes(LAPSED))
        second, _resend = begun(time)

        def tell() -> None:
            assert not claims.finish(
                first, DeliveryState.SENT, time(), attempt=attempt, outcome=AttemptOutcome.ACCEPTED
            )

        if first_tells.startswith("while"):
            tell()
            assert stored(second).state == DeliveryState.SENDING
        claims.reclaim_expired_leases(time.passes(LAPSED))
        if first_tells.startswith("after"):
            assert stored(second).state == DeliveryState.UNCERTAIN
            tell()
        known = stored(second)
        assert (known.state, known.was_uncertain, known.reason) == (DeliveryState.SENT, True, "")
        assert known.settled_at is not None

    def test_a_closed_attempt_was_refused_so_nothing_is_in_doubt(self, time: Time) -> None:
        bare(1, time())
        delivery, attempt = begun(time)
        claims.close_attempt(attempt, time(), AttemptOutcome.REFUSED)
        claims.reclaim_expired_leases(time.passes(LAPSED))
        assert stored(delivery).state == DeliveryState.PENDING

    def test_implausibly_long_lease_is_expired(self, time: Time) -> None:
        bare(1, time())
        delivery = claim_one(time)
        Delivery.objects.update(lease_until=time() + timedelta(days=4000))
        assert claims.reclaim_expired_leases(time()) == 1
        assert stored(delivery).state == DeliveryState.PENDING


@pytest.mark.usefixtures("db")
class TestUnexpectedFailure:
    """`abandon` is the sweep's judgement, made at once."""

    def test_before_the_attempt_it_waits(self, time: Time) -> None:
        bare(1, time())
        delivery = claim_one(time)
        claims.fail_unexpectedly(delivery, time(), not_before=time() + timedelta(hours=1), error="TemplateSyntaxError")
        assert stored(delivery).state == delivery.state == DeliveryState.PENDING
        assert "TemplateSyntaxError" in stored(delivery).reason

    def test_in_the_attempt_it_is_uncertain(self, time: Time) -> None:
        bare(1, time())
        delivery, attempt = begun(time)
        claims.fail_unexpectedly(delivery, time(), not_before=time() + timedelta(hours=1), error="OperationalError")
        attempt.refresh_from_db()
        assert stored(delivery).state == delivery.state == DeliveryState.UNCERTAIN
        assert attempt.outcome == AttemptOutcome.UNKNOWN


@pytest.mark.usefixtures("db")
class TestPostpone:
    def test_reminders_without_route_are_postponed_together(self, time: Time) -> None:
        bare(2, time())
        later = time() + timedelta(minutes=7)
        assert claims.postpone_reminders(time(), later, cause="network", reason="down") == 2
        assert set(Delivery.objects.values_list("not_before", "cause")) == {(later, "network")}


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["due", "sweep"])
def test_what_is_open_is_found_by_its_index_among_all_that_was_ever_sent(time: Time, query: str) -> None:
    bare(300, time(), state=DeliveryState.SENT)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    found = claims.due(time()) if query == "due" else claims.expired_leases(time())
    assert "delivery_open" in found.explain()
