"""Who is notified: the first level, the escalation level, all recipients in the last week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alertadmin.accounts.models import User
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration
from alertadmin.reminders import recipients, snoozes
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import Level, Policy, Recipient, Reminder, SnoozeKind
from alertadmin.reminders.rules import forecast
from alertadmin.reminders.rules.schedule import ReminderSchedule
from tests.factories import Rows
from tests.reminders.evidence import told

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY, OWNER, CHIEF = "duty@northpark.example", "owner@northpark.example", "chief@northpark.example"


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant(contacts=[DUTY]))


def test_owners_are_notified_beside_the_contacts(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=20)
    Recipient.objects.create(app=app, email=OWNER)
    assert told() == {DUTY: [30], OWNER: [30]}


def test_installation_addresses_cover_tenants_without_recipient(rows: Rows, administrator: User) -> None:
    rows.credential(rows.app(rows.tenant()), days=20)
    Recipient.objects.create(email=CHIEF)
    assert told() == {CHIEF: [30]}


def test_the_next_in_line_is_told_after_a_threshold_that_nobody_answered(rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=20)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    assert told() == {DUTY: [30]}
    assert told(credential.expires_at - timedelta(days=14)) == {DUTY: [14], CHIEF: [14]}


def test_acknowledgement_prevents_escalation_until_the_last_week(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    credential = rows.credential(app, days=20)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    told()
    snoozes.snooze(credential, SnoozeKind.ACKNOWLEDGED, until=NOW + timedelta(days=5), by=administrator, now=NOW)
    assert told(credential.expires_at - timedelta(days=14)) == {DUTY: [14]}
    everybody = {key: [7] for key in [DUTY, CHIEF, administrator.email]}
    assert told(credential.expires_at - timedelta(days=7)) == everybody


def test_all_recipients_are_notified_in_the_last_week(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=6)
    people = {
        "owner@n.example": {"app": app},
        "app.next@n.example": {"app": app, "line": Level.NEXT},
        "tenant@n.example": {"tenant": app.tenant},
        "tenant.next@n.example": {"tenant": app.tenant, "line": Level.NEXT},
        "house@n.example": {},
        "house.next@n.example": {"line": Level.NEXT},
    }
    for email, scope in people.items():
        Recipient.objects.create(email=email, **scope)  # type: ignore[arg-type]
    assert told() == {key: [7] for key in [DUTY, *people]}
    for delivery in Delivery.objects.all():
        assert digest.still_due(delivery, NOW), f"{delivery.recipient} is still a recipient"


def test_administrators_are_notified_in_the_last_week_without_installation_addresses(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    credential = rows.credential(app, days=8)
    assert told() == {DUTY: [14]}
    assert told(credential.expires_at - timedelta(days=7)) == {DUTY: [7], administrator.email: [7]}


def test_only_the_nearest_escalation_level_is_notified_before_the_last_week(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    credential = rows.credential(app, days=20)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=OWNER)
    Recipient.objects.create(line=Level.NEXT, email=CHIEF)
    told()
    at = credential.expires_at - timedelta(days=14)
    assert told(at) == {DUTY: [14], OWNER: [14]}
    waiting = Delivery.objects.get(recipient=OWNER)
    assert digest.still_due(waiting, at)
    Recipient.objects.create(app=app, line=Level.NEXT, email="app.next@n.example")
    assert not digest.still_due(waiting, at), "the app's own escalation stands in for him now"


def test_recipient_on_both_levels_gets_one_mail(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=6)
    Recipient.objects.create(email=DUTY, line=Level.NEXT)
    assert told() == {DUTY: [7]}
    assert Delivery.objects.count() == 1


def test_page_and_scan_agree_on_the_recipients(rows: Rows, app: AppRegistration, administrator: User) -> None:
    Recipient.objects.create(app=app, email=OWNER)
    Recipient.objects.create(line=Level.NEXT, email=CHIEF)
    rows.credential(app, days=6)
    people = recipients.audience_of(app.tenant, app)
    assert set(told()) == {*people.first, *people.next, *people.last_week} == {DUTY, OWNER, CHIEF, administrator.email}
    assert people.last_week == [administrator.email]


def test_escalation_after_an_unacknowledged_later_reminder(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    Policy.objects.create(app=app, plan=str(ReminderSchedule((60, 30, 14, 0), 7, 30)))
    credential = rows.credential(app, days=60)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    told()
    snoozes.snooze(credential, SnoozeKind.ACKNOWLEDGED, until=NOW + timedelta(days=5), by=administrator, now=NOW)
    assert told(credential.expires_at - timedelta(days=30)) == {DUTY: [30]}, "the first was acknowledged"
    [*_earlier, last_week] = forecast.for_credential(credential, credential.expires_at - timedelta(days=29))
    assert last_week.is_for_all_recipients
    assert forecast.for_credential(credential, credential.expires_at - timedelta(days=29))[0].is_escalated
    assert told(credential.expires_at - timedelta(days=14)) == {DUTY: [14], CHIEF: [14]}, "the second was not"


def test_reminder_without_first_level_waits_for_escalation(rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=20)
    app.tenant.contacts.all().delete()
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    assert told() == {}
    assert not Reminder.objects.exists()
    assert told(credential.expires_at - timedelta(days=7)) == {CHIEF: [7]}
