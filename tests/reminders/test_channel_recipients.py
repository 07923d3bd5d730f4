"""Which channels are notified: by the same rule as recipients by mail, and independently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.registry.models import AppRegistration, Contact, Credential
from alertadmin.reminders import channel_recipients
from alertadmin.reminders.compose import digest
from alertadmin.reminders.compose.reminder_lines import BRIEF_MAX_BYTES, BRIEF_MAX_LINES
from alertadmin.reminders.models import DigestChoice, Level, Policy, Reminder
from alertadmin.reminders.scan import scanner
from alertadmin.stored_messages import render_stored
from tests.factories import Rows

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY = "duty@northpark.example"


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant(contacts=[DUTY]))


def channel(name: str = "ops", **fields: Any) -> Channel:
    made = Channel(name=name, service="slack", label="Slack", hint="hooks.slack.com", **fields)
    made.address = f"https://hooks.slack.com/services/{name}"
    made.save()
    return made


def told(at: datetime = NOW) -> dict[str, list[int]]:
    """Scan, and return the thresholds of which each recipient and channel is notified."""
    found: dict[str, list[int]] = {}
    notices = Reminder.objects.filter(scan=scanner.run(at), notices__isnull=False)
    for recipient, threshold in notices.values_list("notices__delivery__recipient", "threshold"):
        found.setdefault(recipient, []).append(threshold)
    return found


def shown(app: AppRegistration) -> list[str]:
    """The channels that a page lists as always notified."""
    return [one.name for one in channel_recipients.channels_of(app.tenant, app).first]


# Recipients


def test_channels_of_tenant_and_app_are_notified_beside_the_mail(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=20)
    channel("tenant's", tenant=app.tenant)
    channel("app's", app=app)
    channel("other's", tenant=rows.tenant("Harbour"))
    assert told() == {DUTY: [30], "tenant's": [30], "app's": [30]}
    assert sorted(shown(app)) == ["app's", "tenant's"]


def test_installation_channels_cover_tenants_without_channel(rows: Rows, app: AppRegistration) -> None:
    other = rows.app(rows.tenant("Harbour", contacts=["other@harbour.example"]))
    for each in (app, other):
        rows.credential(each, days=20)
    channel("everywhere")
    channel("tenant's", tenant=app.tenant)
    assert told() == {DUTY: [30], "other@harbour.example": [30], "tenant's": [30], "everywhere": [30]}
    [delivery] = Delivery.objects.filter(recipient="everywhere")
    assert [reminder.app for reminder in digest.still_due(delivery, NOW, delivery.channel)] == [other]
    assert (shown(app), shown(other)) == (["tenant's"], ["everywhere"])


def test_installation_channels_are_notified_in_the_last_week(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=5)
    channel("everywhere")
    channel("tenant's", tenant=app.tenant)
    assert told() == {DUTY: [7], "tenant's": [7], "everywhere": [7]}
    delivery = Delivery.objects.get(recipient="everywhere")
    assert digest.still_due(delivery, NOW, delivery.channel).count() == 1
    assert [one.name for one in channel_recipients.channels_of(app.tenant, app).last_week] == ["everywhere"]


@pytest.mark.parametrize("fields", [{"is_paused": True}, {"line": None, "is_last_resort": True}])
def test_paused_and_last_resort_channels_are_not_notified(
    rows: Rows, app: AppRegistration, fields: dict[str, object]
) -> None:
    rows.credential(app, days=20)
    channel("quiet", **fields)
    assert told() == {DUTY: [30]}
    assert shown(app) == []


def test_the_next_in_line_is_told_after_a_threshold_that_nobody_answered(rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=20)
    channel("app's next", app=app, line=Level.NEXT)
    channel("tenant's next", tenant=app.tenant, line=Level.NEXT)
    assert told() == {DUTY: [30]}
    assert told(credential.expires_at - timedelta(days=14)) == {DUTY: [14], "app's next": [14]}
    assert told(credential.expires_at - timedelta(days=7)) == {DUTY: [7], "app's next": [7], "tenant's next": [7]}


def test_escalation_channel_is_silent_without_escalation(rows: Rows, app: AppRegistration) -> None:
    """Regression: an aggregate over no rows made a delivery without urgency, and every scan failed."""
    credential = rows.credential(app, days=20)
    channel("everybody's next", line=Level.NEXT)
    assert told() == {DUTY: [30]}
    at = credential.expires_at - timedelta(days=14)
    assert told(at) == {DUTY: [14], "everybody's next": [14]}
    hidden = Delivery.objects.filter(to_installation=True)
    assert set(hidden.values_list("recipient", flat=True)) == {"everybody's next"}


def test_channel_alone_is_a_recipient(rows: Rows) -> None:
    app = rows.app(rows.tenant())
    rows.credential(app, days=20)
    assert told() == {}
    channel("tenant's", tenant=app.tenant)
    assert told() == {"tenant's": [30]}


# How often, when and in how many queries


def test_many_ends_are_one_message_and_the_second_scan_owes_nothing(rows: Rows, app: AppRegistration) -> None:
    for days in (3, 20, 40):
        rows.credential(rows.app(app.tenant), days=days)
    one = channel(tenant=app.tenant)
    assert sorted(told()["ops"]) == [3, 30, 60]
    [delivery] = one.deliveries.all()
    assert (delivery.channel_label, delivery.urgency) == ("Slack", NOW + timedelta(days=3))
    assert told() == {}


def test_a_channel_waits_for_the_digest_as_people_do(rows: Rows, app: AppRegistration) -> None:
    Policy.objects.create(tenant=app.tenant, has_timing=True, digest=DigestChoice.DAILY)
    rows.credential(app, days=20)
    one = channel(tenant=app.tenant)
    told(NOW + timedelta(hours=1))
    rows.credential(rows.app(app.tenant), days=40)
    told(NOW + timedelta(hours=2))
    [delivery] = one.deliveries.all()
    assert delivery.not_before == NOW + timedelta(days=1)
    assert delivery.notices.count() == 2


def test_the_number_of_queries_does_not_grow_with_what_is_found(
    rows: Rows, app: AppRegistration, django_assert_max_num_queries: object
) -> None:
    for place in ({"tenant": app.tenant}, {"app": app}, {}):
        for line in Level:
            channel("x", line=line, **place)
    for days in range(40):
        rows.credential(rows.app(app.tenant), days=days)
        channel(f"{days}", tenant=rows.tenant(f"T{days}"))
    with django_assert_max_num_queries(50):  # type: ignore[operator]
        scanner.run(NOW)


# Content


def words(delivery: Delivery, at: datetime = NOW) -> str:
    composed = digest.compose(delivery, at)
    return composed.brief if isinstance(composed, Content) else render_stored(composed.reason)


def test_it_is_short_with_the_most_urgent_first_and_a_link_for_each(rows: Rows, app: AppRegistration) -> None:
    later, sooner = rows.credential(app, days=20), rows.credential(rows.app(app.tenant, "SCADA"), days=-2)
    one = channel(tenant=app.tenant)
    scanner.run(NOW)
    text = words(one.deliveries.get())
    assert text.startswith(
        "1 of these is no longer valid: mail through it is stopped.\n\n• “Northpark Energy” / “SCADA” / “alert"
    )
    assert text.index(str(sooner.pk)) < text.index(str(later.pk))
    assert "expired 2 days ago" in text
    assert "expires in 20 days" in text


def test_a_long_one_is_cut_and_says_how_many_more_there_are(rows: Rows, app: AppRegistration) -> None:
    for _number in range(BRIEF_MAX_LINES + 2):
        rows.credential(rows.app(app.tenant), days=20)
    one = channel(tenant=app.tenant)
    scanner.run(NOW)
    text = words(one.deliveries.get())
    assert text.count("•") == BRIEF_MAX_LINES
    assert "And 2 more: http" in text
    AppRegistration.objects.update(name="n" * 120)
    Credential.objects.update(description="d" * 200)
    text = words(one.deliveries.get())
    assert len(text.encode()) < BRIEF_MAX_BYTES + 300
    assert "more: http" in text


def test_what_is_not_so_any_more_is_left_out(rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, days=20)
    rows.credential(rows.app(app.tenant, "SCADA"), days=30)
    one = channel(tenant=app.tenant)
    scanner.run(NOW)
    Credential.objects.filter(app__name="SCADA").update(expires_at=NOW + timedelta(days=700))
    assert "SCADA" not in words(one.deliveries.get())
    Channel.objects.filter(pk=one.pk).update(tenant=None, app=Credential.objects.get(app__name="SCADA").app)
    assert "renewed" in words(one.deliveries.get())


@pytest.mark.parametrize("gone", [False, True], ids=["paused", "deleted"])
def test_reminder_of_a_deleted_channel_is_due_again(rows: Rows, gone: bool) -> None:
    app = rows.app(rows.tenant())
    rows.credential(app, days=20)
    one = channel(tenant=app.tenant)
    assert told() == {"ops": [30]}
    if gone:
        one.delete()
    else:
        Channel.objects.update(is_paused=True)
    assert words(Delivery.objects.get()) == ("The channel was deleted." if gone else "The channel is paused.")
    assert told() == {}  # no recipient
    channel("another", tenant=app.tenant)
    assert told() == {"another": [30]}


def test_a_nearer_threshold_replaces_one_that_still_waits(rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=20)
    one = channel(tenant=app.tenant)
    scanner.run(NOW)
    scanner.run(credential.expires_at - timedelta(days=14))
    first, second = one.deliveries.order_by("created_at")
    at = credential.expires_at - timedelta(days=14)
    assert "renewed" in words(first, at)
    assert "expires in 14 days" in words(second, at)


@pytest.mark.parametrize(
    ("installation", "tenant", "french"), [(False, "fr", True), (True, "fr", False), (False, "", False)]
)
def test_it_is_worded_in_the_tenant_s_language_and_the_installation_s_in_its_own(
    rows: Rows, installation: bool, tenant: str, french: bool
) -> None:
    app = rows.app(rows.tenant(language=tenant))
    rows.credential(app, days=20)
    one = channel(tenant=None if installation else app.tenant)
    scanner.run(NOW)
    assert ("expire dans 20 jours" in words(one.deliveries.get())) is french


# What the database holds


@pytest.mark.parametrize(
    "wrong", [{"line": None}, {"line": 3}, {"tenant": True, "is_last_resort": True}, {"tenant": True, "app": True}]
)
def test_the_database_refuses_a_channel_that_means_nothing(app: AppRegistration, wrong: dict[str, Any]) -> None:
    places = {"tenant": app.tenant, "app": app}
    with pytest.raises(IntegrityError):
        channel("x", **{name: places.get(name, value) for name, value in wrong.items()})


# Between two statements


def test_channel_added_during_a_scan_is_notified_by_the_next_scan(rows: Rows, app: AppRegistration) -> None:
    """Under PostgreSQL each statement sees what others have committed since the one before it."""
    credential = rows.credential(app, days=20)
    entered: list[Contact] = []

    def enter(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith('INSERT INTO "outbox_delivery"') and not entered:
            entered.append(Contact.objects.create(tenant=app.tenant, email="new@northpark.example"))
        return result

    with connection.execute_wrapper(enter):
        assert told() == {DUTY: [30]}
    assert entered
    at = credential.expires_at - timedelta(days=14)
    assert told(at) == {DUTY: [14], "new@northpark.example": [14]}
