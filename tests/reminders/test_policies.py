"""Scans under policies: schedules, quiet hours, digests, and the other kinds of reminders."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from alertadmin.accounts.models import User
from alertadmin.outbox.mails.composers import Content, Deferred
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue import claims, manual_actions
from alertadmin.registry.models import AppRegistration, Consent, ConsentChange, ConsentStatus, Credential, Mailbox
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.reminders import policies
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import Level, Policy, Recipient, Reminder, ReminderKind
from alertadmin.reminders.rules import forecast, schedule
from alertadmin.reminders.rules.schedule import ReminderSchedule
from alertadmin.reminders.scan import scanner
from alertadmin.reminders.scan.sources import ews
from tests.factories import Rows
from tests.reminders.evidence import told
from tests.reminders.rules.reference_rule import due_threshold

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY, OWNER, CHIEF = "duty@northpark.example", "owner@northpark.example", "chief@northpark.example"


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant(contacts=[DUTY]))


def own_plan(days: tuple[int, ...], **scope: object) -> Policy:
    return Policy.objects.create(plan=str(ReminderSchedule(days, 7, 14)), **scope)


# Days


def test_the_nearest_policy_s_days_count(rows: Rows, app: AppRegistration) -> None:
    other = rows.app(rows.tenant(contacts=["other@harbour.example"]))
    for each in (app, other):
        rows.credential(each, days=45)
    own_plan((50, 0))
    own_plan((55, 0), tenant=app.tenant)
    assert told() == {DUTY: [55], "other@harbour.example": [50]}
    own_plan((46, 0), app=app)
    assert told() == {DUTY: [46]}


def test_the_scan_finds_under_each_plan_what_its_rule_says(rows: Rows, app: AppRegistration) -> None:
    own_plan((40, 20), tenant=app.tenant)
    own_plan((10,), app=rows.app(app.tenant, client_id="5f1b2c3d-0000-4000-8000-000000000001"))
    for hours in range(-30 * 24, 95 * 24, 37):
        rows.credential(rows.app(app.tenant), days=hours / 24)
    found = {one.pk: vars(one)["owed"] for one in scanner.owed(NOW)}

    for one in Credential.objects.select_related("app__tenant"):
        expected = due_threshold(one.expires_at, NOW, policies.effective_policy(one.app.tenant, one.app).plan)
        assert found.get(one.pk) == expected


def test_the_number_of_queries_does_not_grow_with_the_policies(
    rows: Rows, app: AppRegistration, django_assert_max_num_queries: object
) -> None:
    rows.credential(app, days=5)
    for days in range(20, 45):
        own_plan((days, 0), tenant=rows.tenant(f"T{days}"))
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        scanner.run(NOW)


def test_the_credential_that_sends_the_reminders_is_watched_earlier(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=110)
    assert told() == {}
    Mailbox.objects.create(app=app, tenant=app.tenant, address="a@northpark.example", sends_reminders=True)
    assert told() == {DUTY: [120]}


@pytest.mark.parametrize("text", ["", "soon", "-1", "30, x", "3651", "1e3", " ".join(map(str, range(30)))])
def test_days_that_cannot_be_are_refused_in_words(text: str) -> None:
    with pytest.raises(ValidationError):
        schedule.read_thresholds(text)


def test_the_database_holds_one_policy_for_each_thing(app: AppRegistration) -> None:
    Policy.objects.create()
    with pytest.raises(IntegrityError):
        Policy.objects.create()


def test_days_that_are_added_later_make_no_storm(rows: Rows, app: AppRegistration) -> None:
    """Of added thresholds that have passed the nearest is sent, if no nearer one was."""
    policy = own_plan((30, 14, 7), tenant=app.tenant)
    rows.credential(app, days=25)
    assert told() == {DUTY: [30]}
    for days, expected in [((45, 30, 7), {}), ((45, 40, 35), {}), ((45, 28, 26, 7), {DUTY: [26]}), ((45, 28, 26), {})]:
        policy.plan = str(ReminderSchedule(days, 7, 14))
        policy.save()
        assert told() == expected


# Times


def test_mails_wait_for_the_end_of_the_quiet_hours_and_gather_in_one(rows: Rows, app: AppRegistration) -> None:
    Policy.objects.create(has_timing=True, quiet_from=time(6), quiet_until=time(12))
    rows.credential(app, days=20)
    told()
    rows.credential(rows.app(app.tenant), days=25)
    told(NOW + timedelta(hours=1))
    delivery = Delivery.objects.get()
    assert delivery.not_before == NOW.replace(hour=12)
    assert delivery.state == DeliveryState.PENDING
    assert len(digest.still_due(delivery, NOW)) == 2


@pytest.mark.parametrize("has_left", [False, True], ids=["is just leaving", "has left"])
def test_reminder_due_after_the_digest_began_is_sent_separately(
    rows: Rows, app: AppRegistration, has_left: bool
) -> None:
    """A user sent the mail early: a line added to it now would never be sent."""
    Policy.objects.create(has_timing=True, quiet_from=time(6), quiet_until=time(12))
    rows.credential(app, days=20)
    told()
    early = NOW + timedelta(minutes=30)
    assert manual_actions.send_now(Delivery.objects.get().pk, early)
    [leaving] = claims.claim(early, limit=1)
    if has_left:
        claims.finish(leaving, DeliveryState.SENT, early)
    rows.credential(rows.app(app.tenant), days=25)
    assert told(NOW + timedelta(hours=1)) == {DUTY: [30]}
    other = Delivery.objects.exclude(pk=leaving.pk).get()
    assert (other.not_before, other.notices.count(), leaving.notices.count()) == (NOW.replace(hour=12), 1, 1)


def test_the_forecast_is_what_the_scan_then_does(rows: Rows, app: AppRegistration) -> None:
    own_plan((40, 9, 2, 0), app=app)
    Policy.objects.create(tenant=app.tenant, has_timing=True, quiet_from=time(0), quiet_until=time(9, 30))
    Recipient.objects.create(app=app, line=Level.NEXT, email=CHIEF)
    credential = rows.credential(app, days=60)
    for one in forecast.for_credential(credential, NOW):
        assert set(told(one.at)) == ({DUTY, CHIEF} if one.is_escalated else {DUTY})
        assert Delivery.objects.filter(not_before=one.sent_at).exists()


def test_what_waited_into_the_night_leaves_in_the_morning(rows: Rows, app: AppRegistration) -> None:
    Policy.objects.create(has_timing=True, quiet_from=time(20), quiet_until=time(7))
    rows.credential(app, days=20)
    told()
    delivery, night = Delivery.objects.get(), NOW.replace(hour=23)
    composed = digest.compose(delivery, night)
    assert isinstance(composed, Deferred)
    assert composed.until == NOW.replace(hour=7) + timedelta(days=1)
    assert isinstance(digest.compose(delivery, composed.until), Content)
    Delivery.objects.update(not_before=composed.until)
    assert manual_actions.send_now(delivery.pk, night)
    delivery.refresh_from_db()
    assert isinstance(digest.compose(delivery, night), Content), "a user asked for it"


def test_what_just_ended_and_what_would_come_too_late_leave_at_night_too(rows: Rows, app: AppRegistration) -> None:
    Policy.objects.create(has_timing=True, quiet_from=time(20), quiet_until=time(7))
    credential = rows.credential(app, expires_at=NOW + timedelta(days=1, hours=-3))
    told(NOW)
    last = credential.expires_at - timedelta(hours=6)
    assert isinstance(digest.compose(Delivery.objects.get(), last), Content)


# Other kinds


def test_reminder_for_a_mailbox_that_uses_ews(rows: Rows, app: AppRegistration) -> None:
    mailbox = Mailbox.objects.create(app=app, tenant=app.tenant, address="a@n.example", transport=TransportName.EWS)
    assert told() == {}
    at = ews.ENDS - timedelta(days=30)
    assert told(at) == {DUTY: [30]}
    assert told(at) == {}
    delivery = Delivery.objects.get()
    composed = digest.compose(delivery, at)
    assert "a@n.example" in getattr(composed, "text", "")
    Mailbox.objects.filter(pk=mailbox.pk).update(transport=TransportName.GRAPH)
    assert not digest.still_due(delivery, at)
    assert told(ews.ENDS) == {}


def test_revoked_consent_is_reported_once(rows: Rows, app: AppRegistration, administrator: User) -> None:
    consent = Consent.objects.create(
        app=app, tenant=app.tenant, permission=Permission.MAIL_SEND, status=ConsentStatus.NOT_IN_TOKEN
    )
    ConsentChange.objects.create(
        consent=consent,
        app=app,
        tenant=app.tenant,
        permission=consent.permission,
        before=ConsentStatus.GRANTED,
        after=ConsentStatus.NOT_IN_TOKEN,
        at=NOW,
    )
    assert told() == {DUTY: [0], administrator.email: [0]}
    assert told(NOW + timedelta(days=1)) == {}
    assert Reminder.objects.get().kind == ReminderKind.CONSENT
    delivery = Delivery.objects.filter(recipient=DUTY).get()
    text = getattr(digest.compose(delivery, NOW), "text", "")
    assert text.startswith("1 of these is no longer valid: mail through it is stopped.")
    assert "Mail.Send" in text
    assert "expired" not in text
    Consent.objects.update(status=ConsentStatus.GRANTED)
    assert not digest.still_due(delivery, NOW)
