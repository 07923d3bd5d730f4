"""Acknowledged, snoozed and ignored credentials: no reminders until the decision ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from alertadmin.accounts.models import User
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Credential
from alertadmin.reminders import snoozes
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import SnoozeKind
from tests.factories import Rows
from tests.reminders.evidence import told

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY, OWNER, CHIEF = "duty@northpark.example", "owner@northpark.example", "chief@northpark.example"


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant(contacts=[DUTY]))


@pytest.mark.parametrize("kind", SnoozeKind)
def test_nobody_is_told_while_it_is_held_and_the_nearest_after(
    rows: Rows, app: AppRegistration, administrator: User, kind: SnoozeKind
) -> None:
    credential = rows.credential(app, days=31)
    until = NOW + timedelta(days=10)
    snoozes.snooze(credential, kind, until=until, reason="the customer renews it", by=administrator, now=NOW)
    assert told(NOW + timedelta(days=2)) == {}
    assert told(until) == {DUTY: [30]}


def test_a_hold_is_void_once_the_end_is_another(rows: Rows, app: AppRegistration, administrator: User) -> None:
    credential = rows.credential(app, days=28)
    snoozes.snooze(credential, SnoozeKind.SNOOZED, until=NOW + timedelta(days=20), by=administrator, now=NOW)
    Credential.objects.filter(pk=credential.pk).update(expires_at=NOW + timedelta(days=29))
    assert told() == {DUTY: [30]}


def test_what_is_put_off_before_the_mail_left_is_not_in_it(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    credential = rows.credential(app, days=20)
    told()
    delivery = Delivery.objects.get()
    assert digest.still_due(delivery, NOW)
    one = snoozes.snooze(credential, SnoozeKind.SNOOZED, until=NOW + timedelta(days=9), by=administrator, now=NOW)
    assert not digest.still_due(delivery, NOW)
    snoozes.withdraw(one, now=NOW)
    assert told() == {DUTY: [30]}, "it was sent to no recipient, so it is due again"


@pytest.mark.parametrize(
    ("kind", "days", "reason", "field"),
    [
        (SnoozeKind.SNOOZED, 0, "", "until"),
        (SnoozeKind.SNOOZED, 20, "", "until"),
        (SnoozeKind.ACKNOWLEDGED, 800, "", "until"),
        (SnoozeKind.IGNORED, 5, "  ", "reason"),
    ],
)
def test_a_hold_that_cannot_be_is_refused_and_nothing_changes(
    rows: Rows, app: AppRegistration, administrator: User, kind: SnoozeKind, days: int, reason: str, field: str
) -> None:
    credential = rows.credential(app, days=20)
    with pytest.raises(ValidationError) as refused:
        snoozes.snooze(credential, kind, until=NOW + timedelta(days=days), reason=reason, by=administrator, now=NOW)
    assert list(refused.value.message_dict) == [field]
    assert not credential.all_holds.exists()
