"""Thirty messages a minute and mailbox, counted over all processes; more use another route, or wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertadmin.outbox import worker
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.send_test import test_send
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Site
from tests.outbox.factories import arrived, bare, reminder, reminders
from tests.outbox.fake_clock import Time

MINUTE = timedelta(minutes=1)


@pytest.fixture
def mailbox() -> UUID:
    return uuid4()


@pytest.mark.usefixtures("db")
class TestThePlaces:
    def test_thirty_a_minute_and_then_it_says_when(self, mailbox: UUID, time: Time) -> None:
        rate_limiter, first = RateLimiter(), time()
        for _number in range(30):
            assert rate_limiter.acquire(mailbox, time()) is None
            time.passes(seconds=1)
        assert rate_limiter.acquire(mailbox, time()) == rate_limiter.free_at(mailbox, time()) == first + MINUTE
        assert rate_limiter.acquire(mailbox, first + MINUTE) is None
        assert rate_limiter.acquire(mailbox, first + MINUTE) == first + MINUTE + timedelta(seconds=1)

    def test_each_mailbox_has_its_own_and_the_relay_needs_none(self, mailbox: UUID, time: Time) -> None:
        rate_limiter = RateLimiter(per_minute=1)
        rate_limiter.acquire(mailbox, time())
        assert rate_limiter.acquire(uuid4(), time()) is None
        assert [rate_limiter.acquire(None, time()) for _number in range(100)] == [None] * 100

    def test_looking_takes_nothing(self, mailbox: UUID, time: Time) -> None:
        rate_limiter = RateLimiter(per_minute=1)
        assert [rate_limiter.free_at(mailbox, time()) for _number in range(5)] == [None] * 5

    def test_a_test_is_not_held_up_but_counts(self, mailbox: UUID, time: Time) -> None:
        rate_limiter = RateLimiter(per_minute=1)
        for _number in range(3):
            assert rate_limiter.acquire(mailbox, time(), force=True) is None
        assert rate_limiter.acquire(mailbox, time()) == time() + MINUTE


@settings(max_examples=50, deadline=None)
@given(gaps=st.lists(st.integers(0, 30), min_size=1, max_size=80), limit=st.integers(1, 6))
@pytest.mark.django_db
def test_no_window_of_a_minute_exceeds_the_limit(gaps: list[int], limit: int) -> None:
    rate_limiter, now, taken, mailbox = RateLimiter(per_minute=limit), NOW, [], uuid4()
    for gap in gaps:
        now += timedelta(seconds=gap)
        free_at = rate_limiter.acquire(mailbox, now)
        if free_at is None:
            taken.append(now)
        else:
            assert now < free_at <= now + MINUTE
    assert all(sum(begin <= moment < begin + MINUTE for moment in taken) <= limit for begin in taken)


def attempts(site: Site, time: Time, count: int, **fields: object) -> None:
    """Of another process, by the site's mailbox."""
    for delivery in bare(count, time()):
        Attempt.objects.create(
            delivery=delivery, number=1, owner=uuid4(), mailbox=site.mailbox, started_at=time(), **fields
        )


def test_a_server_that_asked_any_process_to_be_left_alone_is(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", status=429, headers={"Retry-After": "600"})
    reminder(time())
    worker.deliver_due(clock=time)
    another = RateLimiter()  # of a process that has just begun
    assert another.acquire(site.mailbox.pk, time()) == another.free_at(site.mailbox.pk, time()) == time() + 10 * MINUTE
    assert another.acquire(site.mailbox.pk, time(), force=True) is None  # a test, for which a user waits
    assert another.acquire(site.mailbox.pk, time.passes(minutes=10)) is None


def test_the_longest_wish_counts_but_none_that_a_wrong_clock_wrote(site: Site, time: Time) -> None:
    attempts(site, time, 1, held_until=time() + 5 * MINUTE, outcome=AttemptOutcome.REFUSED)
    Attempt.objects.update(started_at=time() - timedelta(hours=1))
    assert RateLimiter().acquire(site.mailbox.pk, time()) == time() + 5 * MINUTE
    Attempt.objects.update(held_until=time() + timedelta(days=400))
    assert RateLimiter().acquire(site.mailbox.pk, time()) is None


def test_four_at_once_over_all_processes(site: Site, time: Time) -> None:
    attempts(site, time, 4, outcome=AttemptOutcome.OPEN)
    assert RateLimiter().acquire(site.mailbox.pk, time()) == time() + timedelta(seconds=1)
    Attempt.objects.filter(pk=Attempt.objects.latest("pk").pk).update(outcome=AttemptOutcome.ACCEPTED)
    assert RateLimiter().acquire(site.mailbox.pk, time()) is None


def test_other_processes_count_by_their_rows(site: Site, time: Time) -> None:
    reminder(time())
    worker.deliver_due(clock=time, rate_limiter=RateLimiter(per_minute=1))
    assert RateLimiter(per_minute=1).acquire(site.mailbox.pk, time.passes(seconds=59)) == time() + timedelta(seconds=1)
    assert RateLimiter(per_minute=2).acquire(site.mailbox.pk, time()) is None


@pytest.mark.django_db(transaction=True)
class TestARun:
    def test_leaves_what_is_more_to_the_clock_unclaimed(self, site: Site, time: Time) -> None:
        reminders(site, 30, time())
        outcomes = worker.deliver_due(clock=time, rate_limiter=RateLimiter(per_minute=5))
        assert outcomes["sent"] == 5
        # What was claimed already waits for the next place; the rest was not touched.
        assert outcomes["pending"] <= 8 - 5 + 8
        assert Delivery.objects.filter(state=DeliveryState.PENDING).count() == 25
        assert not Delivery.objects.filter(state=DeliveryState.PENDING, tries__gt=0).exists()

    def test_sends_the_most_urgent_first_and_all_in_the_end(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        reminders(site, 12, time())
        rate_limiter = RateLimiter(per_minute=5)
        sent = []
        for _minute in range(4):
            sent.append(worker.deliver_due(clock=time, rate_limiter=rate_limiter)["sent"])
            time.passes(minutes=1)
        assert sent == [5, 5, 2, 0]

    def test_waits_for_a_place_if_it_is_patient(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        began = time()
        owed = reminders(site, 12, time())
        outcomes = worker.deliver_due(clock=time, rate_limiter=RateLimiter(per_minute=5), pause=time.pause)
        assert outcomes["sent"] == 12
        assert time() - began == 2 * MINUTE
        assert [len(arrived(sandbox, delivery)) for delivery in owed] == [1] * 12

    def test_uses_another_mailbox_meanwhile(
        self, site: Site, make_site: Callable[..., Site], sandbox: Sandbox, time: Time
    ) -> None:
        other = make_site(beside=site)
        owed = reminders(site, 9, time())
        assert worker.deliver_due(clock=time, rate_limiter=RateLimiter(per_minute=5)) == {"sent": 9}
        ways = Counter(arrived(sandbox, delivery)[0]["mailbox"] for delivery in owed)
        assert ways == {site.mailbox.address: 5, other.mailbox.address: 4}

    def test_a_test_send_is_not_held_up(self, site: Site, time: Time) -> None:
        reminders(site, 4, time())
        rate_limiter = RateLimiter(per_minute=2)
        worker.deliver_due(clock=time, rate_limiter=rate_limiter)
        test = test_send.create(site.mailbox, "me@northpark.example", now=time())
        worker.deliver_due(clock=time, rate_limiter=rate_limiter)
        test.refresh_from_db()
        assert test.state == DeliveryState.SENT
