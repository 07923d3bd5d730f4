"""A failing route is a line when it begins, a count meanwhile, and a line when it is over."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.outbox.delivery import delivery_log
from alertadmin.outbox.delivery.delivery_log import WINDOW, FailureCounts
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from tests.operator_log.lines import Lines, logged

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MAILBOX = uuid4()


def attempt(cause: str = "network", mailbox: UUID | None = MAILBOX, **fields: Any) -> Attempt:
    known = {"outcome": AttemptOutcome.REFUSED, "transport": "graph", "number": 1, "delivery_id": uuid4(), **fields}
    return Attempt(cause=cause, mailbox_id=mailbox, **known)


class Outage:
    """Routes that fail and work, by a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.counts = FailureCounts(lambda: self.now)

    def fail(self, *attempts: Attempt, every: float = 0) -> None:
        for one in attempts:
            self.counts.failed(one)
            self.now += every


def events(lines: Lines) -> list[str]:
    return [one["event"] for one in lines.objects]


def test_163_failures_in_a_minute_are_one_line_and_a_count() -> None:
    outage = Outage()
    with logged() as lines:
        outage.fail(*(attempt() for _ in range(163)), every=0.3)
        outage.now = WINDOW
        outage.fail(attempt())
        outage.now += 60
        outage.counts.worked(attempt(outcome=AttemptOutcome.ACCEPTED))
        outage.counts.worked(attempt(outcome=AttemptOutcome.ACCEPTED))
    first, failing, recovered = lines.objects
    assert (first["event"], first["level"], first["cause"], first["transport"]) == (
        "attempt.failed",
        "WARNING",
        "network",
        "graph",
    )
    assert first["mailbox"] == str(MAILBOX)
    assert (failing["event"], failing["count"], failing["total"], failing["failing_s"]) == (
        "route.failing",
        163,
        164,
        300,
    )
    assert (recovered["event"], recovered["failures"], recovered["failing_s"]) == ("route.recovered", 164, 360)


def test_other_routes_and_causes_have_their_own_lines() -> None:
    outage = Outage()
    with logged() as lines:
        outage.fail(attempt(), attempt(mailbox=uuid4()), attempt("throttled"), attempt(transport="ews"), attempt())
    assert events(lines) == ["attempt.failed"] * 4


def test_working_route_does_not_end_the_outage_of_others() -> None:
    outage = Outage()
    with logged() as lines:
        outage.fail(attempt())
        outage.counts.worked(attempt(mailbox=uuid4()))
    assert events(lines) == ["attempt.failed"]


def test_errors_of_one_message_are_no_outage() -> None:
    outage = Outage()
    with logged() as lines:
        outage.fail(attempt("recipient_rejected"), attempt("recipient_rejected"))
        outage.counts.worked(attempt())
    assert events(lines) == ["attempt.failed"] * 2


def test_flapping_route_does_not_fill_the_log() -> None:
    outage = Outage()
    with logged() as lines:
        for _ in range(1000):
            outage.fail(attempt(), every=1)
            outage.counts.worked(attempt())
            outage.now += 1
    assert len(lines.text) <= 2 * (2000 / WINDOW + 1)
    failures = sum(one["failures"] for one in lines.of("route.recovered"))
    assert failures >= 1000 - WINDOW / 2


def test_failure_long_after_a_recovery_is_a_new_outage() -> None:
    outage = Outage()
    with logged() as lines:
        outage.fail(attempt())
        outage.counts.worked(attempt())
        outage.now += WINDOW
        outage.fail(attempt())
    assert events(lines) == ["attempt.failed", "route.recovered", "attempt.failed"]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=60))
def test_all_failures_are_counted_and_all_recoveries_logged(steps: list[tuple[bool, int]]) -> None:
    """In every order of outcomes, lines of failures and recoveries alternate, and counts add up to the failures."""
    outage = Outage()
    with logged() as lines:
        for fails, passed in steps:
            if fails:
                outage.fail(attempt())
            else:
                outage.counts.worked(attempt())
            outage.now += passed
        outage.now += WINDOW
        outage.fail(attempt())
    kinds = ["worked" if event == "route.recovered" else "failed" for event in events(lines)]
    assert all(kinds[place - 1] == "failed" for place, kind in enumerate(kinds) if kind == "worked")
    recovered = sum(one["failures"] for one in lines.of("route.recovered"))
    assert recovered + lines.objects[-1].get("total", 1) == sum(fails for fails, _passed in steps) + 1


OUTCOMES = [
    (DeliveryState.SENT, NOW, "delivery.sent", "INFO"),
    (DeliveryState.FAILED, NOW, "delivery.failed", "ERROR"),
    (DeliveryState.CANCELLED, NOW, "delivery.cancelled", "INFO"),
    (DeliveryState.UNCERTAIN, NOW, "delivery.uncertain", "WARNING"),
    (DeliveryState.UNCERTAIN, None, "delivery.waits", "DEBUG"),
    (DeliveryState.PENDING, None, "delivery.waits", "DEBUG"),
]


@pytest.mark.parametrize(("state", "settled", "event", "level"), OUTCOMES)
def test_each_outcome_is_one_line_without_names(
    state: DeliveryState, settled: datetime | None, event: str, level: str
) -> None:
    delivery = Delivery(
        purpose=Purpose.REMINDER,
        recipient="ada.lovelace@Lakeside.example",
        subject="canary subject",
        reason="canary reason",
        cause="network",
        state=state,
        settled_at=settled,
        tries=3,
        created_at=NOW - timedelta(minutes=5),
        not_before=NOW + timedelta(minutes=4),
    )
    with logged(logging.DEBUG) as lines:
        delivery_log.log_delivery(delivery, NOW, attempt())
    [line] = lines.objects
    assert (line["event"], line["level"]) == (event, level)
    assert (line["delivery"], line["purpose"]) == (str(delivery.pk), "reminder")
    assert (line["to_domain"], line["tries"], line["age_s"]) == ("lakeside.example", 3, 300)
    assert line.get("next_try") == ("2026-11-23T08:04:00Z" if event == "delivery.waits" else None)
    assert "lovelace" not in lines.json[0]
    assert "canary" not in lines.json[0]
