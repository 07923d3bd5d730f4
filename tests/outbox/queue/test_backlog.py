"""When the last mail that waits will have left: an estimate that the outbox itself then keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from alertadmin.outbox import worker
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Attempt, AttemptOutcome
from alertadmin.outbox.queue.backlog import estimate, time_to_drain
from alertadmin.registry.models import Mailbox
from sandbox import Sandbox
from tests.factories import Site
from tests.outbox.factories import bare, reminder, reminders
from tests.outbox.fake_clock import Time

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("waiting", "mailboxes", "minutes"),
    [(1, 1, 1), (30, 1, 1), (31, 1, 2), (1240, 2, 21), (10_000, 1, 334), (10_000, 6, 56)],
)
def test_thirty_a_minute_by_each_mailbox(waiting: int, mailboxes: int, minutes: int) -> None:
    assert time_to_drain(waiting, mailboxes) == minutes * MINUTE


def test_without_a_mailbox_there_is_no_estimate() -> None:
    assert time_to_drain(5, 0) is None


def test_where_nothing_waits_there_is_none(site: Site, time: Time) -> None:
    assert estimate(time()) is None
    bare(2, time(), not_before=time() + timedelta(hours=3))  # for their hour
    bare(1, time(), dedupe_key="sent", state="sent")
    assert estimate(time()) is None


@pytest.mark.django_db(transaction=True)
def test_what_is_said_is_what_the_outbox_then_keeps(site: Site, time: Time) -> None:
    reminders(site, 70, time())
    said = estimate(time())
    assert said
    assert (said.waiting, said.mailboxes, said.by_relay) == (70, 1, False)
    began = time()
    assert worker.deliver_due(clock=time, rate_limiter=RateLimiter(), pause=time.pause)["sent"] == 70
    assert said.ends_at
    assert time() <= said.ends_at <= time() + MINUTE
    assert time() - began == 2 * MINUTE
    assert estimate(time()) is None


def test_a_mailbox_that_failed_last_is_not_counted_on(
    site: Site, make_site: Callable[..., Site], sandbox: Sandbox, time: Time
) -> None:
    make_site(beside=site)
    reminder(time())
    before = estimate(time())
    assert before
    assert before.mailboxes == 2
    sandbox.faults.add("graph", status=403)
    worker.deliver_due(clock=time)
    assert Attempt.objects.filter(outcome=AttemptOutcome.REFUSED).count() == 1
    bare(40, time())
    after = estimate(time())
    assert after
    assert after.mailboxes == 1


def test_the_relay_has_no_pace_of_ours(site: Site, relay: Sandbox, time: Time) -> None:
    bare(1000, time())
    said = estimate(time())
    assert said
    assert said.by_relay
    assert said.ends_at == time() + MINUTE


def test_without_a_working_route_there_is_no_estimate(site: Site, time: Time) -> None:
    Mailbox.objects.all().delete()
    bare(3, time())
    said = estimate(time())
    assert said
    assert said.ends_at is None
