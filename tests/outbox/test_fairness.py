"""A slow server blocks only its share of the threads, and no other mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from alertadmin.outbox import worker
from alertadmin.outbox.delivery import routing as chains
from alertadmin.outbox.delivery.routes import Route
from alertadmin.outbox.delivery.routing import MAX_BLOCKED_THREADS, SLOW_AFTER, Router, RouteWalk
from alertadmin.outbox.models import Delivery
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Site
from tests.outbox.factories import arrived, bare, reminders
from tests.outbox.fake_clock import Time


@pytest.mark.django_db(transaction=True)
def test_slow_mailbox_is_bypassed(
    site: Site, make_site: Callable[..., Site], sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_site(beside=site)
    monkeypatch.setattr(chains, "SLOW_AFTER", 0.5)
    owed = reminders(site, 20, time())
    before = len(sandbox.ledger.entries())
    enough = Event()
    sandbox.faults.add("graph", delay=40, until=enough, times=None, mailbox=site.mailbox.address)

    def release() -> None:
        """Lets the slow mailbox answer once the other has sent ten, however long this machine needs for that."""
        try:
            sandbox.ledger.wait_until(lambda entries: sent_by(other, entries[before:]) >= 10, timeout=40)
        finally:
            enough.set()

    with ThreadPoolExecutor() as pool:
        released = pool.submit(release)
        assert worker.deliver_due(clock=time) == {"sent": 20}
        released.result()
    assert [len(arrived(sandbox, delivery)) for delivery in owed] == [1] * 20
    told = [entry for entry in sandbox.ledger.entries()[before:] if entry["kind"] in ("message", "fault")]
    kinds = [entry["kind"] for entry in told if entry["mailbox"] == site.mailbox.address]
    assert kinds.index("message") == MAX_BLOCKED_THREADS, kinds


def sent_by(site: Site, entries: list[dict[str, Any]]) -> int:
    return sum(entry["kind"] == "message" and entry["mailbox"] == site.mailbox.address for entry in entries)


@pytest.mark.django_db(transaction=True)
def test_working_chosen_mailbox_sends_all(
    site: Site, make_site: Callable[..., Site], sandbox: Sandbox, time: Time
) -> None:
    make_site(beside=site)
    owed = reminders(site, 20, time())
    sandbox.faults.add("graph", delay=0.3, times=8)
    assert worker.deliver_due(clock=time) == {"sent": 20}
    assert {arrived(sandbox, delivery)[0]["mailbox"] for delivery in owed} == {site.mailbox.address}


@pytest.mark.django_db
class TestTheShare:
    @pytest.fixture
    def passed(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Seconds on the machine's clock; the last counts."""
        seconds = [0.0]
        monkeypatch.setattr(chains, "monotonic", lambda: seconds[-1])
        return seconds

    @pytest.fixture
    def delivery(self, time: Time) -> Delivery:
        return bare(1, time())[0]

    def taken(self, router: Router, delivery: Delivery, count: int) -> tuple[list[str], list[Iterator[Route]]]:
        """The routes that so many threads choose first, while each is still sending."""
        walks = [router.next_routes(delivery, RouteWalk(), lambda: NOW) for _number in range(count)]
        return [next(walk).label for walk in walks], walks

    def test_share_of_an_unknown_slow_route(self, delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chains, "SLOW_AFTER", 0.05)
        router = Router([Route("first", "a"), Route("second", "b")])
        assert self.taken(router, delivery, 4)[0] == ["first", "first", "second", "second"]

    def test_of_one_that_works_is_all(self, delivery: Delivery) -> None:
        router = Router([Route("first", "a"), Route("second", "b")])
        router.record_success(router.installation_routes[0])
        assert self.taken(router, delivery, 4)[0] == ["first"] * 4

    def test_of_one_that_worked_and_now_takes_long_is_half(self, delivery: Delivery, passed: list[float]) -> None:
        router = Router([Route("first", "a"), Route("second", "b"), Route("third", "c")])
        router.record_success(router.installation_routes[0])
        _ways, walks = self.taken(router, delivery, MAX_BLOCKED_THREADS)
        passed.append(SLOW_AFTER)
        assert self.taken(router, delivery, 2)[0] == ["second"] * 2
        del walks[:]  # they are done with it
        assert self.taken(router, delivery, 1)[0] == ["first"]

    def test_of_the_only_one_is_all(self, delivery: Delivery) -> None:
        only = Router([Route("first", "a")])
        assert self.taken(only, delivery, 4)[0] == ["first"] * 4
        with_last_resort = Router([Route("first", "a")], [Route("last", "b", is_last_resort=True)])
        assert self.taken(with_last_resort, delivery, 4)[0] == ["first"] * 4
