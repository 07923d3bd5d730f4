"""Clock jumps: no reminder is repeated or lost, and an impossible time is refused."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue.clock import ClockIsWrong
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import Reminder, Scan
from alertadmin.reminders.scan import scanner
from tests.conftest import NOW
from tests.factories import Rows
from tests.outbox.fake_clock import Time

IN_1970 = datetime(1970, 1, 1, 0, 7, tzinfo=UTC)


def thresholds() -> list[int]:
    return list(Reminder.objects.order_by("pk").values_list("threshold", flat=True))


@pytest.mark.parametrize("days", [1, -1, 20, -20])
def test_no_reminder_is_repeated_after_a_clock_jump(rows: Rows, days: int) -> None:
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=6.5)
    for moment in (NOW, NOW + timedelta(days=days), NOW, NOW + timedelta(hours=1)):
        scanner.run(moment)
    assert len(thresholds()) == len(set(thresholds()))
    assert thresholds().count(7) == 1


def test_reminders_written_in_the_far_future_are_ignored(rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=400)
    scanner.run(NOW + timedelta(days=1000))
    Delivery.objects.update(state=DeliveryState.SENT)
    [wrong] = thresholds()
    assert wrong < 0
    for days in range(300, 401):
        scanner.run(NOW + timedelta(days=days))
    assert thresholds()[1:] == [90, 60, 30, 14, 7, 3, 1, 0]
    first = Delivery.objects.filter(state=DeliveryState.PENDING).earliest("created_at")
    assert digest.still_due(first, NOW + timedelta(days=311)).exists()


def test_a_reminder_that_came_some_days_early_came(rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=7.5)
    scanner.run(NOW + timedelta(days=4))
    scanner.run(NOW)
    assert thresholds() == [7]


def test_in_1970_nothing_is_looked_for(rows: Rows) -> None:
    with pytest.raises(ClockIsWrong, match="1970-01-01 00:07 UTC"):
        scanner.run(IN_1970)
    assert not Scan.objects.exists()


def test_in_1970_nothing_is_sent_and_later_it_is(make_reminder: Delivery, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    assert not worker.deliver_due(clock=Time(IN_1970))
    make_reminder.refresh_from_db()
    assert (make_reminder.state, make_reminder.tries) == (DeliveryState.PENDING, 0)
    assert "before this program was made" in caplog.text
    assert worker.deliver_due(clock=Time(NOW)) == {DeliveryState.SENT: 1}


@pytest.fixture
def make_reminder(rows: Rows, relay: object) -> Delivery:
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=5)
    scanner.run(NOW)
    return Delivery.objects.get()


def test_the_command_says_so_and_fails(db: None) -> None:
    err = StringIO()
    with time_machine.travel(IN_1970, tick=False), pytest.raises(SystemExit) as end:
        call_command("send_reminders", stderr=err)
    assert end.value.code == 1
    assert "The clock says 1970-01-01 00:07 UTC" in err.getvalue()


def test_pages_and_readyz_say_so(client: Client, administrator: User) -> None:
    scanner.run(timezone.now())
    with time_machine.travel(IN_1970, tick=False):
        assert client.get("/readyz").json()["clock"] is False
        client.force_login(administrator)
        assert "The clock says 1970-01-01" in client.get("/watching/").content.decode()
