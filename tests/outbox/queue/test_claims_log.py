"""What became of a delivery and of its attempts leaves its lines once that is committed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from alertadmin.outbox.delivery import delivery_log
from alertadmin.outbox.delivery.delivery_log import FailureCounts
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from tests.operator_log.lines import Lines, logged
from tests.outbox.factories import bare
from tests.outbox.fake_clock import Time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    monkeypatch.setattr(delivery_log, "FAILURES", FailureCounts())
    with logged() as lines:
        yield lines


def begun(time: Time) -> tuple[Delivery, Attempt]:
    [delivery] = claims.claim(time(), limit=1)
    attempt = Attempt(route="alarms@lakeside.example", transport="graph")
    assert claims.open_attempt(delivery, attempt, time())
    return delivery, attempt


def said(lines: Lines) -> list[tuple[str, Any]]:
    return [(one["event"], one.get("cause")) for one in lines.objects]


def test_refused_then_accepted_are_a_failure_a_recovery_and_an_end(time: Time, lines: Lines) -> None:
    bare(1, time())
    delivery, attempt = begun(time)
    claims.close_attempt(attempt, time(), AttemptOutcome.REFUSED, cause="throttled")
    second = Attempt(route="x", transport="graph")
    assert claims.open_attempt(delivery, second, time())
    claims.finish(delivery, DeliveryState.SENT, time(), attempt=second, outcome=AttemptOutcome.ACCEPTED)
    assert said(lines) == [("attempt.failed", "throttled"), ("route.recovered", None), ("delivery.sent", None)]
    sent = lines.objects[-1]
    assert (sent["delivery"], sent["to_domain"], sent["transport"], sent["tries"]) == (
        str(delivery.pk),
        "northpark.example",
        "graph",
        2,
    )
    assert "lakeside" not in "".join(lines.json)


def test_what_is_rolled_back_leaves_no_line(time: Time, lines: Lines) -> None:
    bare(1, time())
    delivery, attempt = begun(time)
    with transaction.atomic():
        claims.finish(delivery, DeliveryState.SENT, time(), attempt=attempt, outcome=AttemptOutcome.ACCEPTED)
        transaction.set_rollback(True)
    assert said(lines) == []


def test_what_is_no_longer_ours_has_no_end_here(time: Time, lines: Lines) -> None:
    bare(1, time())
    delivery, _attempt = begun(time)
    Delivery.objects.update(owner=None)
    assert not claims.finish(delivery, DeliveryState.FAILED, time(), cause="network")
    assert said(lines) == []


def test_a_lost_worker_is_a_line(time: Time, lines: Lines) -> None:
    bare(1, time())
    begun(time)
    assert claims.reclaim_expired_leases(time.passes(seconds=settings.OUTBOX_LEASE.total_seconds() + 1)) == 1
    assert said(lines) == [("delivery.uncertain", "worker_lost")]


def test_an_attempt_that_is_looked_up_later_fails_once(time: Time, lines: Lines) -> None:
    bare(1, time())
    _delivery, attempt = begun(time)
    claims.close_attempt(attempt, time(), AttemptOutcome.UNKNOWN, cause="network")
    claims.close_attempt(attempt, time(), AttemptOutcome.REFUSED, draft="")
    assert said(lines) == [("attempt.failed", "network")]


def test_deliveries_waiting_for_a_route_are_one_log_line(time: Time, lines: Lines) -> None:
    bare(3, time())
    assert claims.postpone_reminders(time(), time() + timedelta(minutes=1), cause="network") == 3
    assert claims.postpone_reminders(time(), time() + timedelta(minutes=1), cause="network") == 0
    [line] = lines.of("delivery.waits")
    assert (line["level"], line["count"], line["cause"]) == ("WARNING", 3, "network")
