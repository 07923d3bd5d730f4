"""Whose days count, who is told, and who is told too: the scan under policies."""

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
from alertadmin.reminders import policies, recipients, snoozes
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import Level, Policy, Recipient, Reminder, ReminderKind, SnoozeKind
from alertadmin.reminders.rules import forecast, schedule
from alertadmin.reminders.rules.schedule import ReminderSchedule
from alertadmin.reminders.scan import scanner
from alertadmin.reminders.scan.sources import ews
from tests.factories import Rows

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY, OWNER, CHIEF = "duty@northpark.example", "owner@northpark.example", "chief@northpark.example"


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant(contacts=[DUTY]))


def told(at: datetime = NOW) -> dict[str, list[int]]:
    """The thresholds that a scan tells each recipient of."""
    made = scanner.run(at)
    notices = Reminder.objects.filter(scan=made, notices__isnull=False)
    found: dict[str, list[int]] = {}
    for recipient, threshold in notices.values_list("notices__delivery__recipient", "threshold"):
        found.setdefault(recipient, []).append(threshold)
    return found


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
    from alertadmin.reminders.rules import due_rule

    for one in Credential.objects.select_related("app__tenant"):
        expected = due_rule.due_threshold(one.expires_at, NOW, policies.in_force(one.app.tenant, one.app).plan)
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


# People


def test_owners_are_told_beside_the_contacts(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=20)
    Recipient.objects.create(app=app, email=OWNER)
    assert told() == {DUTY: [30], OWNER: [30]}


def test_the_installation_s_people_are_told_of_who_has_nobody(rows: Rows, administrator: User) -> None:
    rows.credential(rows.app(rows.tenant()), days=20)
    Recipient.objects.create(email=CHIEF)
    assert told() == {CHIEF: [30]}


def test_the_next_in_line_is_told_after_a_threshold_that_nobody_answered(rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=20)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    assert told() == {DUTY: [30]}
    assert told(credential.expires_at - timedelta(days=14)) == {DUTY: [14], CHIEF: [14]}


def test_not_if_somebody_is_on_it_and_in_the_last_week_in_any_case(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    credential = rows.credential(app, days=20)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    told()
    snoozes.snooze(credential, SnoozeKind.ACKNOWLEDGED, until=NOW + timedelta(days=5), by=administrator, now=NOW)
    assert told(credential.expires_at - timedelta(days=14)) == {DUTY: [14]}
    everybody = {key: [7] for key in [DUTY, CHIEF, administrator.email]}
    assert told(credential.expires_at - timedelta(days=7)) == everybody


def test_in_the_last_week_everybody_is_told_whoever_is_nearest(rows: Rows, app: AppRegistration) -> None:
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
        assert digest.still_owed(delivery, NOW), f"{delivery.recipient} is still a recipient"


def test_in_the_last_week_the_administrators_are_told_where_the_installation_names_nobody(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    credential = rows.credential(app, days=8)
    assert told() == {DUTY: [14]}
    assert told(credential.expires_at - timedelta(days=7)) == {DUTY: [7], administrator.email: [7]}


def test_before_the_last_week_the_nearest_next_in_line_alone_is_told_and_stays_concerned(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    credential = rows.credential(app, days=20)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=OWNER)
    Recipient.objects.create(line=Level.NEXT, email=CHIEF)
    told()
    at = credential.expires_at - timedelta(days=14)
    assert told(at) == {DUTY: [14], OWNER: [14]}
    waiting = Delivery.objects.get(recipient=OWNER)
    assert digest.still_owed(waiting, at)
    Recipient.objects.create(app=app, line=Level.NEXT, email="app.next@n.example")
    assert not digest.still_owed(waiting, at), "the app's own next in line stands in for him now"


def test_whoever_is_in_both_lines_gets_one_mail(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=6)
    Recipient.objects.create(email=DUTY, line=Level.NEXT)
    assert told() == {DUTY: [7]}
    assert Delivery.objects.count() == 1


def test_the_page_says_who_the_scan_tells(rows: Rows, app: AppRegistration, administrator: User) -> None:
    Recipient.objects.create(app=app, email=OWNER)
    Recipient.objects.create(line=Level.NEXT, email=CHIEF)
    rows.credential(app, days=6)
    people = recipients.audience_of(app.tenant, app)
    assert set(told()) == {*people.first, *people.next, *people.last_week} == {DUTY, OWNER, CHIEF, administrator.email}
    assert people.last_week == [administrator.email]


def test_once_it_is_told_again_and_nobody_is_on_it_any_more_the_next_in_line_is_told(
    rows: Rows, app: AppRegistration, administrator: User
) -> None:
    own_plan((60, 30, 14, 0), app=app)
    Policy.objects.update(plan=str(ReminderSchedule((60, 30, 14, 0), 7, 30)))
    credential = rows.credential(app, days=60)
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    told()
    snoozes.snooze(credential, SnoozeKind.ACKNOWLEDGED, until=NOW + timedelta(days=5), by=administrator, now=NOW)
    assert told(credential.expires_at - timedelta(days=30)) == {DUTY: [30]}, "the first was acknowledged"
    [*_earlier, last_week] = forecast.of(credential, credential.expires_at - timedelta(days=29))
    assert last_week.is_for_all_recipients
    assert forecast.of(credential, credential.expires_at - timedelta(days=29))[0].is_escalated
    assert told(credential.expires_at - timedelta(days=14)) == {DUTY: [14], CHIEF: [14]}, "the second was not"


def test_with_only_a_next_in_line_it_is_left_owed_until_he_is_told(rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=20)
    app.tenant.contacts.all().delete()
    Recipient.objects.create(tenant=app.tenant, line=Level.NEXT, email=CHIEF)
    assert told() == {}
    assert not Reminder.objects.exists()
    assert told(credential.expires_at - timedelta(days=7)) == {CHIEF: [7]}


# Holds


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
    assert digest.still_owed(delivery, NOW)
    one = snoozes.snooze(credential, SnoozeKind.SNOOZED, until=NOW + timedelta(days=9), by=administrator, now=NOW)
    assert not digest.still_owed(delivery, NOW)
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


def test_days_that_are_added_later_make_no_storm(rows: Rows, app: AppRegistration) -> None:
    """Of those that have passed already the nearest is told, if nothing nearer was."""
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
    assert len(digest.still_owed(delivery, NOW)) == 2


@pytest.mark.parametrize("has_left", [False, True], ids=["is just leaving", "has left"])
def test_what_falls_due_once_the_gathering_mail_leaves_is_told_by_another(
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
    for one in forecast.of(credential, NOW):
        assert set(told(one.at)) == ({DUTY, CHIEF} if one.is_escalated else {DUTY})
        assert Delivery.objects.filter(not_before=one.leaves).exists()


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


def test_a_mailbox_that_still_sends_by_ews_is_told_of(rows: Rows, app: AppRegistration) -> None:
    mailbox = Mailbox.objects.create(app=app, tenant=app.tenant, address="a@n.example", transport=TransportName.EWS)
    assert told() == {}
    at = ews.ENDS - timedelta(days=30)
    assert told(at) == {DUTY: [30]}
    assert told(at) == {}
    delivery = Delivery.objects.get()
    composed = digest.compose(delivery, at)
    assert "a@n.example" in getattr(composed, "text", "")
    Mailbox.objects.filter(pk=mailbox.pk).update(transport=TransportName.GRAPH)
    assert not digest.still_owed(delivery, at)
    assert told(ews.ENDS) == {}


def test_a_consent_that_is_withdrawn_is_told_of_once(rows: Rows, app: AppRegistration, administrator: User) -> None:
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
    assert text.startswith("1 of these is no longer good: mail through it has stopped.")
    assert "Mail.Send" in text
    assert "expired" not in text
    Consent.objects.update(status=ConsentStatus.GRANTED)
    assert not digest.still_owed(delivery, NOW)
