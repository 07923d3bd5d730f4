"""A delivery whose database fails, or whose worker is suspended, while it is sent."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from alertadmin.outbox import messages as outbox_messages
from alertadmin.outbox import worker
from alertadmin.outbox.delivery import connections, sender
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from sandbox import Sandbox
from tests.factories import Site
from tests.outbox.factories import arrived, reminder
from tests.outbox.fake_clock import Time

LAPSED: timedelta = settings.OUTBOX_LEASE + timedelta(seconds=1)


def attempts(delivery: Delivery) -> list[str]:
    return list(delivery.attempts.values_list("outcome", flat=True))


def content(entry: dict[str, Any]) -> str:
    """The whole message, Date and all, but for the line between its parts."""
    return re.sub(r"=+\d+=+", "", entry["mime"])


@contextmanager
def full_disk(event: str, table: str, condition: str = "true") -> Iterator[None]:
    """A trigger that refuses one kind of write, as a full disk does."""
    fails, of_table = "BEGIN SELECT RAISE(ABORT, 'disk full'); END", ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$"
            )
            fails, of_table = "EXECUTE FUNCTION disk_full()", f" ON {table}"
        cursor.execute(f"CREATE TRIGGER no_space BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition}) {fails}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER no_space{of_table}")


SENT = ("UPDATE", "outbox_delivery", "NEW.state = 'sent'")


@pytest.mark.django_db(transaction=True)
class TestDatabaseFailure:
    def test_unrecorded_attempt_is_not_sent(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        delivery = reminder(time())
        with full_disk("INSERT", "outbox_attempt"):
            assert worker.deliver_due(clock=time) == {"pending": 1}
            assert arrived(sandbox, delivery) == []
        time.passes(hours=2)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert len(arrived(sandbox, delivery)) == 1

    def test_acceptance_is_recorded_once_the_database_is_back(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        delivery = reminder(time())
        before = len(sandbox.ledger.messages())
        worked: list[dict[str, int]] = []

        def work() -> None:
            worked.append(dict(worker.deliver_due(clock=time)))
            connection.close()

        sending = threading.Thread(target=work)
        with full_disk(*SENT):
            sending.start()
            sandbox.ledger.wait_until(lambda entries: len(sandbox.ledger.messages()) > before)
        sending.join()
        assert worked == [{"sent": 1}]
        delivery.refresh_from_db()
        assert (delivery.state, delivery.was_uncertain) == (DeliveryState.SENT, False)
        assert len(arrived(sandbox, delivery)) == 1

    def test_acceptance_not_recorded_in_time_is_uncertain(
        self, site: Site, sandbox: Sandbox, time: Time, settings: Settings
    ) -> None:
        settings.OUTBOX_LEASE = timedelta(seconds=0.2)
        delivery = reminder(time())
        with full_disk(*SENT):
            assert worker.deliver_due(clock=time) == {"uncertain": 1}
        delivery.refresh_from_db()
        assert delivery.was_uncertain
        assert attempts(delivery) == [AttemptOutcome.UNKNOWN]
        time.passes(hours=2)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        first, second = arrived(sandbox, delivery)
        assert content(first) == content(second)


class TestSuspendedWorker:
    """Suspended, it wakes when another has its delivery."""

    def test_before_the_message_left_it_sends_nothing(
        self, site: Site, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        delivery = reminder(time())
        fetched = connections.tokens().token

        def sleep_over_the_token(*asked: Any) -> Any:
            monkeypatch.undo()
            monkeypatch.setattr(sender, "_uptime", lambda: time().timestamp())
            token = fetched(*asked)
            claims.reclaim_expired_leases(time.passes(LAPSED))
            return token

        monkeypatch.setattr(sender, "_uptime", lambda: time().timestamp())
        monkeypatch.setattr(connections.tokens(), "token", sleep_over_the_token)
        assert worker.deliver_due(clock=time) == {"sending": 1, "sent": 1}
        first, second = delivery.attempts.all()
        assert (first.outcome, first.technical) == (AttemptOutcome.REFUSED, outbox_messages.LEASE_LOST)
        assert second.outcome == AttemptOutcome.ACCEPTED
        assert len(arrived(sandbox, delivery)) == 1

    def test_while_the_message_left_its_success_still_counts(
        self, site: Site, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It no longer owns the delivery, but its recorded success keeps the next worker from sending again."""
        delivery = reminder(time())
        [mine] = claims.claim(time(), limit=1)
        attempt = Attempt(route="slow")
        claims.open_attempt(mine, attempt, time(), subject="as it was")
        claims.reclaim_expired_leases(time.passes(LAPSED))
        claims.finish(mine, DeliveryState.SENT, time(), attempt=attempt, outcome=AttemptOutcome.ACCEPTED)
        assert worker.deliver_due(clock=time) == {}
        assert arrived(sandbox, delivery) == []
        delivery.refresh_from_db()
        assert (delivery.state, delivery.was_uncertain) == (DeliveryState.SENT, True)
