"""The scan against the rule, and against everything that happens between two scans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertadmin.accounts.models import User
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Contact, Credential, CredentialState
from alertadmin.reminders.models import Reminder, ReminderLine, Scan
from alertadmin.reminders.scan import scanner
from tests.factories import Rows
from tests.reminders.rules.reference_rule import due_threshold

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PEOPLE = ["duty@northpark.example"]


@pytest.fixture
def watched(rows: Rows) -> Rows:
    rows.northpark = rows.tenant(contacts=PEOPLE)  # type: ignore[attr-defined]
    return rows


def ending(rows: Rows, days: float, **fields: object) -> Credential:
    return rows.credential(rows.app(rows.northpark), days=days, **fields)  # type: ignore[attr-defined,arg-type]


def reminded(at: datetime = NOW) -> list[int]:
    return list(Reminder.objects.filter(scan=scanner.run(at)).values_list("threshold", flat=True))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(st.integers(-400 * 24 * 60, 100 * 24 * 60), min_size=1, max_size=12))
def test_the_scan_finds_exactly_what_the_rule_says(ends: list[int], watched: Rows) -> None:
    Credential.objects.all().delete()
    for minutes in ends:
        ending(watched, minutes / 1440)
    expected = {
        credential.pk: threshold
        for credential in Credential.objects.all()
        if (threshold := due_threshold(credential.expires_at, NOW)) is not None
    }
    assert {credential.pk: credential.owed for credential in scanner.owed(NOW)} == expected  # type: ignore[attr-defined]


def test_a_second_scan_owes_nothing(watched: Rows) -> None:
    ending(watched, 20)
    assert reminded() == [30]
    assert reminded() == []
    assert Delivery.objects.count() == 1


def test_only_the_nearest_missed_threshold_is_sent(watched: Rows) -> None:
    ending(watched, 80)
    assert reminded() == [90]
    assert reminded(NOW + timedelta(days=75)) == [7]
    assert reminded(NOW + timedelta(days=75, hours=1)) == []


def test_a_clock_set_back_repeats_nothing(watched: Rows) -> None:
    ending(watched, 10)
    assert reminded(NOW + timedelta(days=8)) == [3]
    assert reminded(NOW) == []


def test_renewed_secret_gets_new_reminders(watched: Rows) -> None:
    credential = ending(watched, 5)
    assert reminded() == [7]
    credential.expires_at = NOW + timedelta(days=50)
    credential.save()
    assert reminded() == [60]


def test_a_superseded_secret_is_not_nagged_about(watched: Rows) -> None:
    ending(watched, -3, state=CredentialState.RETIRED)
    assert reminded() == []


def test_one_delivery_lists_all_that_is_due_for_one_recipient(watched: Rows) -> None:
    for days in (1, 6, 25, -3):
        ending(watched, days)
    reminded()
    delivery = Delivery.objects.get()
    assert delivery.recipient == PEOPLE[0]
    assert ReminderLine.objects.filter(delivery=delivery).count() == 4
    assert delivery.urgency == NOW - timedelta(days=3)


def test_contact_of_two_tenants_gets_one_mail_in_any_case(rows: Rows) -> None:
    for name, address in (("A", "Duty@Example.com"), ("B", "duty@example.com")):
        rows.credential(rows.app(rows.tenant(name, [address])), days=2)
    reminded()
    assert ReminderLine.objects.filter(delivery=Delivery.objects.get()).count() == 2


def test_administrators_are_notified_without_contacts(rows: Rows, administrator: User) -> None:
    rows.credential(rows.app(), days=2)
    reminded()
    assert Delivery.objects.get().recipient == administrator.email


def test_reminder_stays_due_until_there_is_a_recipient(rows: Rows) -> None:
    credential = rows.credential(rows.app(), days=2)
    assert reminded() == []
    assert scanner.without_recipients(NOW).get() == credential
    Contact.objects.create(tenant=credential.app.tenant, email=PEOPLE[0])
    assert reminded() == [3]
    assert not scanner.without_recipients(NOW).exists()


def test_the_number_of_queries_does_not_grow_with_what_is_due(watched: Rows) -> None:
    ending(watched, 2)
    with CaptureQueriesContext(connection) as few:
        scanner.run(NOW)
    for _number in range(30):
        ending(watched, 2)
    with CaptureQueriesContext(connection) as many:
        scanner.run(NOW)
    assert len(many) == len(few)


def test_nor_with_how_many_are_told(rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant(contacts=PEOPLE)), days=2)
    with CaptureQueriesContext(connection) as one:
        scanner.run(NOW)
    for number in range(60):
        rows.credential(rows.app(rows.tenant(contacts=[f"duty{number}@example.com"])), days=2)
    with CaptureQueriesContext(connection) as many:
        assert scanner.run(NOW).deliveries == 60
    assert len(many) == len(one)


def test_each_delivery_has_an_id_of_its_own_and_is_as_any_new_one(rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant(contacts=["a@example.com", "b@example.com"])), days=2)
    scanner.run(NOW)
    made = list(Delivery.objects.all())
    assert len(made) == 2
    assert [one.pk.version for one in made] == [4, 4]
    like = Delivery(purpose=Purpose.REMINDER, created_at=NOW, not_before=NOW, urgency=NOW + timedelta(days=2))
    own = ("_state", "id", "dedupe_key", "recipient")
    for one in made:
        stored, expected = ({k: v for k, v in vars(each).items() if k not in own} for each in (one, like))
        assert stored == expected


def test_an_administrator_who_is_a_contact_elsewhere_gets_one_mail(rows: Rows, administrator: User) -> None:
    rows.credential(rows.app(rows.tenant("A", [administrator.email.upper()])), days=6)
    rows.credential(rows.app(rows.tenant("B")), days=2)
    assert scanner.run(NOW).deliveries == 1
    delivery = Delivery.objects.get()
    assert ReminderLine.objects.filter(delivery=delivery).count() == 2
    assert delivery.urgency == NOW + timedelta(days=2)


def test_reminders_repeat_for_ten_years(watched: Rows) -> None:
    ending(watched, -3653)
    assert reminded() == [due_threshold(NOW - timedelta(days=3653), NOW)]


def test_a_scan_is_stale_after_26_hours(db: None) -> None:
    assert scanner.is_stale(NOW)
    scanner.run(NOW)
    assert not scanner.is_stale(NOW + timedelta(hours=26))
    assert scanner.is_stale(NOW + timedelta(hours=26, seconds=1))


def test_a_scan_that_fails_leaves_nothing_half_written(watched: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    ending(watched, 2)

    def fail(_name: str) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(scanner, "failpoint", fail)
    with pytest.raises(OSError, match="disk full"):
        scanner.run(NOW)
    assert not Scan.objects.exists()
    assert not Reminder.objects.exists()
    assert not Delivery.objects.exists()


def test_reminders_serialize_without_secrets(watched: Rows) -> None:
    ending(watched, 2, value="uvW8Q~canary-canary-canary")
    scanner.run(NOW)
    assert "canary" not in serializers.serialize("json", [*Credential.objects.all(), *Delivery.objects.all()])
