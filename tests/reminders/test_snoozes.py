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
def test_snoozed_credential_sends_only_the_nearest_reminder_afterwards(
    rows: Rows, app: AppRegistration, administrator: User, kind: SnoozeKind
) -> None:
    credential = rows.credential(app, days=31)
    until = NOW + timedelta(days=10)
    snoozes.snooze(credential, kind, until=until, reason="the customer renews it", by=administrator, now=NOW)
    assert told(NOW + timedelta(days=2)) == {}
    assert told(until) == {DUTY: [30]}


def test_snooze_is_void_after_the_expiry_changed(rows: Rows, app: AppRegistration, administrator: User) -> None:
    credential = rows.credential(app, days=28)
    snoozes.snooze(credential, SnoozeKind.SNOOZED, until=NOW + timedelta(days=20), by=administrator, now=NOW)
    Credential.objects.filter(pk=credential.pk).update(expires_at=NOW + timedelta(days=29))
    assert told() == {DUTY: [30]}


def test_credential_snoozed_before_sending_is_omitted(rows: Rows, app: AppRegistration, administrator: User) -> None:
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
def test_invalid_snooze_is_refused(
    rows: Rows, app: AppRegistration, administrator: User, kind: SnoozeKind, days: int, reason: str, field: str
) -> None:
    credential = rows.credential(app, days=20)
    with pytest.raises(ValidationError) as refused:
        snoozes.snooze(credential, kind, until=NOW + timedelta(days=days), reason=reason, by=administrator, now=NOW)
    assert list(refused.value.message_dict) == [field]
    assert not credential.snoozes.exists()
