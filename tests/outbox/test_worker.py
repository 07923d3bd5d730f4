"""A whole run: what it postpones, what waits for what, and how it ends."""

from __future__ import annotations

import os
import threading
import time as real_time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django import Settings

from alertadmin.outbox import worker
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.queue import claims, run_locks, shutdown, wakeup
from alertadmin.outbox.queue.run_locks import DispatchLock
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import Contact, Tenant
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.outbox.factories import arrived, reminder, reminders
from tests.outbox.fake_clock import Time
from tests.supervisor.installation import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def elsewhere() -> Iterator[Callable[..., Future[dict[str, int]]]]:
    """Runs `deliver_due` as another process would: at the same time, with a connection of its own."""
    with ThreadPoolExecutor() as pool:

        def start(**options: object) -> Future[dict[str, int]]:
            def work() -> dict[str, int]:
                try:
                    return dict(worker.deliver_due(**options))  # type: ignore[arg-type]
                finally:
                    connection.close()

            return pool.submit(work)

        yield start


class TestAPoisonedRow:
    """A tenant of which a mail cannot be composed until its row is corrected."""

    @pytest.fixture
    def poisoned(self, site: Site, rows: Rows, time: Time, monkeypatch: pytest.MonkeyPatch) -> Delivery:
        Contact.objects.create(tenant=site.tenant, email="second@northpark.example")
        bad = rows.tenant("Bad", ["poor@bad.example"])
        rows.credential(rows.app(bad), days=1)
        scanner.run(time())
        Tenant.objects.filter(pk=bad.pk).update(notes="poison")
        compose = composers.compose

        def refuse(delivery: Delivery, now: datetime) -> composers.Content | composers.Deferred | composers.Obsolete:
            if delivery.recipient == "poor@bad.example" and Tenant.objects.filter(notes="poison").exists():
                raise ArithmeticError
            return compose(delivery, now)

        monkeypatch.setattr(composers, "compose", refuse)
        return Delivery.objects.get(recipient="poor@bad.example")

    def test_is_set_aside_for_an_hour_and_the_others_go_on(self, poisoned: Delivery, time: Time) -> None:
        assert worker.deliver_due(clock=time) == {"sent": 2, "pending": 1}
        poisoned.refresh_from_db()
        assert (poisoned.not_before, poisoned.cause) == (time() + timedelta(hours=1), "other")
        assert "ArithmeticError" in poisoned.reason
        assert not poisoned.attempts.exists()

    def test_leaves_as_soon_as_it_is_mended(self, poisoned: Delivery, sandbox: Sandbox, time: Time) -> None:
        worker.deliver_due(clock=time)
        Tenant.objects.update(notes="")
        time.passes(hours=1)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert len(arrived(sandbox, poisoned)) == 1

    def test_is_never_given_up(self, poisoned: Delivery, time: Time) -> None:
        time.passes(days=31)
        assert worker.deliver_due(clock=time)["pending"] == 1
        Tenant.objects.update(notes="")
        time.passes(hours=1)
        assert worker.deliver_due(clock=time) == {"sent": 1}


def test_a_database_that_fails_for_a_moment_delays_for_a_minute(
    site: Site, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, disconnected or out of space while composing: not caused by the delivery."""
    delivery = reminder(time())

    def fails(*asked: object) -> None:
        monkeypatch.undo()
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(composers, "compose", fails)
    assert worker.deliver_due(clock=time) == {"pending": 1}
    delivery.refresh_from_db()
    assert delivery.not_before == time() + timedelta(minutes=1)
    time.passes(minutes=1)
    assert worker.deliver_due(clock=time) == {"sent": 1}


def test_runs_at_once_send_each_delivery_once(site: Site, sandbox: Sandbox, time: Time) -> None:
    owed = reminders(site, 25, time())
    with elsewhere() as start:
        outcomes = [start(clock=time) for _number in range(4)]
        assert sum(outcome.result().get("sent", 0) for outcome in outcomes) == 25
    assert [len(arrived(sandbox, delivery)) for delivery in owed] == [1] * 25
    assert set(Delivery.objects.values_list("was_uncertain", flat=True)) == {False}


def test_a_patient_run_waits_for_the_one_that_is_sending(site: Site, sandbox: Sandbox, time: Time) -> None:
    reminders(site, 20, time())
    sandbox.faults.add("graph", delay=0.1, times=20)
    with elsewhere() as start:
        first = start(clock=time)
        sandbox.ledger.wait_until(lambda entries: any(entry["kind"] == "fault" for entry in entries))
        worker.deliver_due(clock=time, pause=worker.sleep)
        assert not claims.due(time()).exists()
        first.result()


class TestATestSend:
    def test_begins_while_another_run_sends_reminders(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        reminders(site, 12, time())
        arrived_meanwhile = threading.Event()
        sandbox.faults.add("graph", delay=40, until=arrived_meanwhile, times=12)
        with elsewhere() as start:
            sending = start(clock=time)
            assert eventually(lambda: Attempt.objects.count() == 4)
            test = test_send.create(site.mailbox, "me@northpark.example", transport="smtp", now=time())
            assert worker.deliver_due(clock=time) == {"sent": 1}
            assert not sending.done()
            arrived_meanwhile.set()
            sending.result()
        test.refresh_from_db()
        assert test.state == DeliveryState.SENT

    def test_is_next_even_where_only_that_run_is_left_to_send_it(
        self, site: Site, sandbox: Sandbox, time: Time
    ) -> None:
        reminders(site, 40, time())
        sandbox.faults.add("graph", delay=0.05, times=None)
        with elsewhere() as start:
            sending = start(clock=time, rate_limiter=RateLimiter(per_minute=None))
            assert eventually(lambda: Attempt.objects.exists())
            test = test_send.create(site.mailbox, "me@northpark.example", transport="smtp", now=time())
            assert sending.result() == {"sent": 41}
        attempts = list(Attempt.objects.order_by("pk").values_list("delivery_id", flat=True))
        assert attempts.index(test.pk) < 8 + 8 + 4


class TestItsLease:
    def test_is_kept_while_a_server_takes_its_time(
        self, site: Site, sandbox: Sandbox, time: Time, settings: Settings
    ) -> None:
        settings.OUTBOX_LEASE = timedelta(seconds=1.5)
        delivery = reminder(timezone.now())
        sandbox.faults.add("graph", delay=4)
        with elsewhere() as start:
            sending = start()
            swept = 0
            while not sending.done():
                swept += claims.reclaim_expired_leases(timezone.now())
                threading.Event().wait(0.05)
            assert sending.result() == {"sent": 1}
        assert swept == 0
        assert len(arrived(sandbox, delivery)) == 1

    def test_lease_of_a_stuck_delivery_expires_and_the_run_continues(
        self, site: Site, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.OUTBOX_LEASE = timedelta(seconds=0.6)
        monkeypatch.setattr(run_locks, "MAX_SENDING_TIME", timedelta(seconds=1))
        owed = reminders(site, 6, timezone.now())
        left_behind = threading.Event()
        sandbox.faults.add("graph", delay=40, until=left_behind)
        assert worker.deliver_due() == {"sent": 5}
        [stuck] = [one for one in Delivery.objects.all() if one.state == DeliveryState.SENDING]
        assert eventually(lambda: claims.reclaim_expired_leases(timezone.now()) == 1)
        stuck.refresh_from_db()
        assert stuck.state == DeliveryState.UNCERTAIN
        left_behind.set()
        # The server accepts it in the end; the abandoned thread records that, and no other sends again.
        assert eventually(lambda: Delivery.objects.get(pk=stuck.pk).state == DeliveryState.SENT)
        assert stuck.attempts.get().outcome == AttemptOutcome.ACCEPTED
        assert worker.deliver_due() == {}
        assert [len(arrived(sandbox, delivery)) for delivery in owed] == [1] * 6
        assert eventually(lambda: not any(thread.name.startswith("deliver-") for thread in threading.enumerate()))

    def test_of_a_single_one_lapses_too(
        self, site: Site, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.OUTBOX_LEASE = timedelta(seconds=0.6)
        monkeypatch.setattr(run_locks, "MAX_SENDING_TIME", timedelta(seconds=0.5))
        delivery = reminder(timezone.now())
        lapsed = threading.Event()
        sandbox.faults.add("graph", delay=40, until=lapsed)
        with elsewhere() as start:
            sending = start()
            assert eventually(lambda: claims.reclaim_expired_leases(timezone.now()) == 1)
            assert not sending.done()
            lapsed.set()
        delivery.refresh_from_db()
        assert (delivery.state, delivery.was_uncertain) == (DeliveryState.SENT, True)
        assert len(arrived(sandbox, delivery)) == 1


class TestTheTurnToRemind:
    def test_is_one_runs_at_a_time(self) -> None:
        with DispatchLock() as first, DispatchLock() as second:
            assert (first.is_ours, second.is_ours) == (True, False)
        with DispatchLock() as third:
            assert third.is_ours

    def test_lock_of_a_suspended_process_is_free_after_a_lease(self, settings: Settings) -> None:
        with DispatchLock() as suspended:
            long_ago = real_time.time() - settings.OUTBOX_LEASE.total_seconds() - 1
            os.utime(settings.DATA_DIR / "deliver.lock", (long_ago, long_ago))
            with DispatchLock() as other:
                assert other.is_ours
            suspended.renew()
            with DispatchLock() as third:
                assert not third.is_ours


class TestItsEnd:
    def test_shutdown_finishes_the_current_delivery_and_returns_the_rest(
        self, site: Site, sandbox: Sandbox, time: Time
    ) -> None:
        reminders(site, 12, time())
        sandbox.faults.add("graph", delay=0.3, times=None)
        stop = threading.Event()
        with elsewhere() as start:
            sending = start(clock=time, stopping=stop.is_set)
            assert eventually(lambda: Attempt.objects.count() == 4)
            stop.set()
            assert sending.result() == {"sent": 4}
        assert Delivery.objects.filter(state=DeliveryState.PENDING, owner=None).count() == 8
        assert Attempt.objects.count() == 4
        sandbox.faults.clear()
        assert worker.deliver_due(clock=time) == {"sent": 8}

    def test_after_its_time_it_rings_for_the_next(
        self, site: Site, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rung: list[bool] = []
        monkeypatch.setattr(wakeup, "notify_worker", lambda: rung.append(True))
        monkeypatch.setattr(worker, "MAX_RUN_TIME", timedelta(seconds=-1))
        reminders(site, 3, time())
        rung.clear()
        assert worker.deliver_due(clock=time) == {}
        assert rung == [True]
        assert Delivery.objects.filter(state=DeliveryState.PENDING).count() == 3

    def test_it_is_shorter_than_celerys_limit(self, settings: Settings) -> None:
        longest = worker.MAX_RUN_TIME + run_locks.MAX_SENDING_TIME
        assert longest.total_seconds() < settings.CELERY_TASK_TIME_LIMIT

    def test_processes_of_one_program_hear_it_told_to_stop(self) -> None:
        """By memory that they share since the fork."""
        assert not shutdown.is_requested()
        if (child := os.fork()) == 0:
            shutdown.request_shutdown()
            os._exit(0)
        os.waitpid(child, 0)
        try:
            assert shutdown.is_requested()
        finally:
            shutdown._shared[0] = 0
