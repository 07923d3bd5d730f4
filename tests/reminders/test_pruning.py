"""Old rows are deleted, in batches, and no reminder is sent again because of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alertadmin.environment import BadEnvironment, Environment
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.reminders import retention
from alertadmin.reminders.models import Reminder, ReminderLine, Scan
from alertadmin.reminders.retention import Pruned
from alertadmin.reminders.scan import scanner
from tests.factories import Rows
from tests.pytest_environment import FOLDER

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER, MUCH_LATER = NOW + timedelta(days=91), NOW + timedelta(days=731)
NOTHING = Pruned()


def told(rows: Rows) -> Delivery:
    """A reminder that was sent."""
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=30)
    scanner.run(NOW)
    [delivery] = claims.claim(NOW, limit=1)
    claims.open_attempt(delivery, attempt := Attempt(route="by post", steps=[{"step": "token"}]), NOW, text="words")
    claims.finish(delivery, DeliveryState.SENT, NOW, attempt=attempt, outcome=AttemptOutcome.ACCEPTED)
    return delivery


def test_words_go_first_and_the_mail_much_later(rows: Rows) -> None:
    delivery = told(rows)
    assert retention.prune(NOW + timedelta(days=89)) == NOTHING
    assert retention.prune(LATER) == Pruned(words=1)
    delivery.refresh_from_db()
    assert (delivery.text, delivery.state, delivery.attempts.get().steps) == ("", DeliveryState.SENT, [])
    assert retention.prune(LATER) == NOTHING
    assert retention.prune(MUCH_LATER) == Pruned(deliveries=1)
    assert not Delivery.objects.exists()
    assert not Attempt.objects.exists()
    assert not ReminderLine.objects.exists()


def test_sent_reminder_is_not_sent_again(rows: Rows) -> None:
    told(rows)
    retention.prune(MUCH_LATER)
    assert Reminder.objects.count() == 1
    assert scanner.run(NOW).reminders == 0  # by a clock that was set back


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNCERTAIN])
def test_what_has_not_come_to_its_end_stays(rows: Rows, state: DeliveryState) -> None:
    delivery = told(rows)
    Delivery.objects.update(state=state, settled_at=None)
    assert retention.prune(MUCH_LATER) == NOTHING
    delivery.refresh_from_db()
    assert delivery.text == "words"


def test_scans_that_found_nothing_go_but_for_the_last(rows: Rows) -> None:
    told(rows)
    scanner.run(NOW + timedelta(hours=1))
    last = scanner.run(NOW + timedelta(hours=2))
    assert retention.prune(LATER).scans == 1
    assert list(Scan.objects.order_by("pk").values_list("reminders", flat=True)) == [1, 0]
    assert scanner.last_finished() == last


def test_it_takes_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender waits for one batch at most."""
    monkeypatch.setattr(retention, "BATCH", 10)
    old = [
        Delivery(purpose=Purpose.TEST, dedupe_key=str(number), recipient="me@northpark.example", text="words")
        for number in range(45)
    ]
    for delivery in old:
        delivery.created_at = delivery.settled_at = NOW
    Delivery.objects.bulk_create(old)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert retention.prune(MUCH_LATER) == Pruned(words=45, deliveries=45)
    deleting = [query["sql"] for query in asked if query["sql"].startswith('DELETE FROM "outbox_delivery"')]
    assert len(deleting) == 5


@pytest.mark.parametrize("days", ["0", "30", "-90", "ninety", "9e9", "36501"])
def test_days_that_cannot_be_are_one_sentence(days: str) -> None:
    with pytest.raises(BadEnvironment, match="ALERTADMIN_KEEP_WORDS_DAYS must be a number of days from 31 on"):
        _ = Environment(FOLDER, {"ALERTADMIN_KEEP_WORDS_DAYS": days}).keep_words
