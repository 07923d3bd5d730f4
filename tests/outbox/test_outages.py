"""Microsoft does not answer for minutes or days: all that is due arrives, by another route or later, seldom twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from alertadmin.outbox import worker
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.queue import claims, manual_actions
from sandbox import Sandbox
from tests.conftest import set_environment
from tests.factories import Site
from tests.outbox.factories import arrived, reminder, reminders
from tests.outbox.fake_clock import Time

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RECIPIENTS = 8

pytestmark = pytest.mark.django_db(transaction=True)
MakeSite = Callable[..., Site]


@pytest.fixture(params=[False, True], ids=["no-relay", "relay"])
def has_relay(request: pytest.FixtureRequest, sandbox: Sandbox, settings: Settings) -> bool:
    if request.param:
        set_environment(settings, SMTP_URL=f"smtp://{sandbox.relay_host}:{sandbox.relay_port}")
    return bool(request.param)


@pytest.fixture(params=[False, True], ids=["no-drafts", "drafts"])
def has_drafts(request: pytest.FixtureRequest, site: Site, sandbox: Sandbox) -> bool:
    if request.param:
        sandbox.directory.grant(site.app.client_id, "Mail.ReadWrite")
    return bool(request.param)


def out(sandbox: Sandbox, status: int = 504, *, is_accepted: bool = False) -> None:
    """Graph gives no other answer from now on; with `is_accepted` it takes the messages."""
    for stage in ("data", "draft", "lookup", "delete"):
        if is_accepted:
            sandbox.faults.add("graph", reset="after", times=None, stage=stage)
        else:
            sandbox.faults.add("graph", status=status, body="gateway timeout", times=None, stage=stage)


def runs(time: Time, until: datetime) -> Iterator[datetime]:
    """The moments at which a worker comes by: each half minute, or when something is due next."""
    while time() < until and claims.open_deliveries().exists():
        yield time()
        waiting = claims.open_deliveries().order_by("not_before").values_list("not_before", flat=True)
        if due_next := waiting.first():
            time.now = min(max(time() + MINUTE / 2, due_next), until)


def lives_through(time: Time, sandbox: Sandbox, lasts: timedelta, rate_limiter: RateLimiter) -> timedelta:
    """Time from the end of the outage until the last mail was sent; negative if another route was used."""
    over = time() + lasts
    for now in runs(time, over):
        worker.deliver_due(clock=lambda now=now: now, rate_limiter=rate_limiter)  # type: ignore[misc]
    if not claims.open_deliveries().exists():
        return time() - over
    time.now = over
    sandbox.faults.clear()
    for now in runs(time, over + 2 * DAY):
        worker.deliver_due(clock=lambda now=now: now, rate_limiter=rate_limiter)  # type: ignore[misc]
    return time() - over


@pytest.mark.parametrize(
    "lasts",
    [
        pytest.param(MINUTE, id="1-minute"),
        pytest.param(5 * MINUTE, id="5-minutes"),
        pytest.param(HOUR, id="1-hour", marks=pytest.mark.slow),
        pytest.param(2 * DAY, id="2-days", marks=pytest.mark.slow),
    ],
)
def test_all_arrive_and_once(
    site: Site, sandbox: Sandbox, time: Time, has_relay: bool, has_drafts: bool, lasts: timedelta
) -> None:
    owed = reminders(site, RECIPIENTS, time())
    out(sandbox)
    began = time()
    late = lives_through(time, sandbox, lasts, RateLimiter(None))
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SENT}
    assert [len(arrived(sandbox, delivery)) for delivery in owed] == [1] * RECIPIENTS
    if has_relay:
        assert time() - began <= 2 * MINUTE
    else:
        assert late <= max(2 * MINUTE, min(lasts, 4 * HOUR)) * 1.3
    # Few messages met the outage: four threads at first, then one now and then.
    doubts = Attempt.objects.filter(outcome=AttemptOutcome.UNKNOWN).count()
    assert doubts <= 4 + {MINUTE: 2, 5 * MINUTE: 3, HOUR: 7, 2 * DAY: 40}[lasts]


@pytest.mark.parametrize("lasts", [MINUTE, 5 * MINUTE], ids=["1-minute", "5-minutes"])
def test_what_a_doubtful_answer_hid_comes_again_as_the_same_message(
    site: Site, sandbox: Sandbox, time: Time, has_relay: bool, lasts: timedelta
) -> None:
    owed = reminders(site, RECIPIENTS, time())
    out(sandbox, is_accepted=True)
    lives_through(time, sandbox, lasts, RateLimiter(None))
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SENT}
    copies = Counter[int]()
    for delivery in owed:
        came = arrived(sandbox, delivery)
        assert len({(entry["message_id"], dated(entry["mime"])) for entry in came}) == 1
        delivery.refresh_from_db()
        doubts = delivery.attempts.filter(outcome=AttemptOutcome.UNKNOWN).count()
        assert len(came) == 1 + doubts
        assert delivery.was_uncertain == (doubts > 0)
        copies[len(came)] += 1
    assert copies[1] >= RECIPIENTS - 4 - (0 if has_relay else 2)


def dated(mime: str) -> str:
    return mime.partition("Date: ")[2].partition("\r\n")[0]


def test_twelve_mailboxes_in_doubt_and_sixty_recipients_go_by_the_relay(
    make_site: MakeSite, relay: Sandbox, time: Time
) -> None:
    """What lost 60 of 60 before: sendMail answers 504 for 150 seconds."""
    site = make_site(chosen=True, days=5)
    for _number in range(11):
        make_site(beside=site)
    owed = reminders(site, 60, time())
    relay.faults.add("graph", status=504, times=None)
    began = time()
    late = lives_through(time, relay, timedelta(seconds=150), RateLimiter())
    assert [len(arrived(relay, delivery)) for delivery in owed] == [1] * 60
    assert late < timedelta(0)
    assert time() - began <= 2 * MINUTE
    assert Attempt.objects.filter(outcome=AttemptOutcome.UNKNOWN).count() <= 8


def test_a_route_that_is_back_is_used_again(site: Site, relay: Sandbox, time: Time) -> None:
    reminders(site, 6, time())
    relay.faults.add("graph", status=504, times=None)
    for now in runs(time, time() + 10 * MINUTE):
        worker.deliver_due(clock=lambda now=now: now)  # type: ignore[misc]
    relay.faults.clear()
    # One looks whether it is back; meanwhile others may go round.
    for least in (1, 6):
        newest = reminders(site, 6, time.passes(days=3))[:6]
        assert worker.deliver_due(clock=time) == {"sent": 6}
        doors = Counter(entry["service"] for delivery in newest for entry in arrived(relay, delivery))
        assert doors["graph"] >= least


def test_without_another_route_it_is_tried_again_after_growing_waits(site: Site, sandbox: Sandbox, time: Time) -> None:
    delivery = reminder(time())
    out(sandbox)
    waits = []
    for _try in range(8):
        assert worker.deliver_due(clock=time) == {"uncertain": 1}
        delivery.refresh_from_db()
        waits.append((delivery.not_before - time()) / MINUTE)
        time.now = delivery.not_before
    for wait, least in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert least <= wait <= least * 1.1
    assert delivery.attempts.count() == 8


def test_delivery_of_a_lost_worker_stays_uncertain(
    site: Site, make_site: MakeSite, sandbox: Sandbox, time: Time
) -> None:
    """The same route once more, and then another."""
    other = make_site(beside=site)
    delivery = reminder(time())
    for _lost in range(2):
        [mine] = claims.claim(time(), limit=1)
        attempt = Attempt(route="lost", mailbox=site.mailbox, transport="graph", endpoint=f"graph:{site.tenant.cloud}")
        claims.open_attempt(mine, attempt, time(), subject="as it was")
        claims.reclaim_expired_leases(time.passes(minutes=10))
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert [entry["mailbox"] for entry in arrived(sandbox, delivery)] == [other.mailbox.address]


def test_a_draft_that_cannot_be_asked_for_is_left_behind_after_ten_minutes_and_taken_away_later(
    site: Site, relay: Sandbox, time: Time
) -> None:
    relay.directory.grant(site.app.client_id, "Mail.ReadWrite")
    relay.faults.add("graph", reset="before")
    delivery = reminder(time())
    began = time()
    assert worker.deliver_due(clock=time) == {"uncertain": 1}
    out(relay)
    for now in runs(time, time() + HOUR):
        worker.deliver_due(clock=lambda now=now: now)  # type: ignore[misc]
    assert 10 * MINUTE <= time() - began <= 12 * MINUTE
    [entry] = arrived(relay, delivery)
    assert entry["service"] == "relay"
    assert delivery.attempts.exclude(draft="").exists()
    relay.faults.clear()
    time.passes(minutes=5)
    worker.deliver_due(clock=time)
    assert not delivery.attempts.exclude(draft="").exists()
    assert len(arrived(relay, delivery)) == 1
    assert delivery.attempts.first().outcome == AttemptOutcome.REFUSED  # type: ignore[union-attr]


def test_a_draft_that_was_sent_after_all_is_no_draft_to_take_away(site: Site, relay: Sandbox, time: Time) -> None:
    """Its copy in Sent Items has the same id."""
    relay.directory.grant(site.app.client_id, "Mail.ReadWrite")
    relay.faults.add("graph", reset="after")
    relay.faults.add("graph", status=504, body="gateway timeout", times=None, stage="lookup")
    delivery = reminder(time())
    for now in runs(time, time() + HOUR):
        worker.deliver_due(clock=lambda now=now: now)  # type: ignore[misc]
    relay.faults.clear()
    time.passes(minutes=5)
    worker.deliver_due(clock=time)
    assert len(arrived(relay, delivery)) == 2
    assert not [
        entry
        for entry in relay.ledger.entries()
        if entry["kind"] == "deleted" and entry.get("mailbox") == site.mailbox.address
    ]
    assert delivery.attempts.first().outcome == AttemptOutcome.ACCEPTED  # type: ignore[union-attr]


def test_one_refusal_for_good_and_one_doubt_are_no_end(site: Site, relay: Sandbox, time: Time) -> None:
    relay.faults.add("graph", status=504, times=None)
    relay.faults.add("relay", status=550, stage="rcpt", times=None)
    reminder(time())
    for now in runs(time, time() + 2 * HOUR):
        worker.deliver_due(clock=lambda now=now: now)  # type: ignore[misc]
    assert Delivery.objects.get().settled_at is None
    relay.faults.clear()
    connections.transport.cache_clear()
    time.passes(hours=4)
    assert worker.deliver_due(clock=time) == {"sent": 1}


def test_send_now_does_not_wait_for_the_next_probe(site: Site, sandbox: Sandbox, time: Time) -> None:
    delivery = reminder(time())
    out(sandbox)
    for now in runs(time, time() + 3 * HOUR):
        worker.deliver_due(clock=lambda now=now: now)  # type: ignore[misc]
    sandbox.faults.clear()
    time.passes(minutes=1)
    assert worker.deliver_due(clock=time) == {}
    assert manual_actions.send_now(delivery.pk, time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
