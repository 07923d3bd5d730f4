"""Between a scan and its mail, and after an outage: nothing outdated is sent, and no recipient is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.models import Contact, Credential, CredentialState
from alertadmin.reminders.models import Reminder, ReminderLine
from alertadmin.reminders.rules.schedule import DEFAULT
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.reminders.rules.reference_rule import due_threshold

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY = "duty@northpark.example"


@pytest.fixture
def site(sandbox: Sandbox, rows: Rows) -> Site:
    """A secret that expires in twenty days, one contact, and a mailbox that sends."""
    return rows.site(sandbox, days=20, contacts=[DUTY])


def mailed(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Recipient and subject of each mail about this test's deliveries."""
    ours = set(Delivery.objects.values_list("message_id", flat=True))
    return [(entry["to"][0], entry["subject"]) for entry in sandbox.ledger.messages() if entry["message_id"] in ours]


def works(at: datetime = NOW) -> dict[str, int]:
    return dict(worker.deliver_due(clock=lambda: at))


def told(at: datetime) -> list[int]:
    """Thresholds that a scan writes down."""
    return list(Reminder.objects.filter(scan=scanner.run(at)).values_list("threshold", flat=True))


class TestInBetween:
    def test_renewed_is_cancelled(self, site: Site, sandbox: Sandbox) -> None:
        scanner.run(NOW)
        Credential.objects.update(expires_at=NOW + timedelta(days=700))
        assert works() == {"cancelled": 1}
        assert mailed(sandbox) == []

    @pytest.mark.parametrize("state", [CredentialState.RETIRED, None], ids=["superseded", "deleted"])
    def test_superseded_or_deleted_is_cancelled(self, site: Site, sandbox: Sandbox, state: str | None) -> None:
        scanner.run(NOW)
        if state:
            Credential.objects.update(state=state)
        else:
            site.credential.delete()
        assert works() == {"cancelled": 1}
        assert mailed(sandbox) == []

    def test_with_the_whole_tenant_deleted_nothing_is_left_to_trip_over(
        self, site: Site, rows: Rows, sandbox: Sandbox
    ) -> None:
        scanner.run(NOW)
        site.tenant.delete()
        assert works() == {"cancelled": 1}

    def test_expiry_changed_and_reverted_before_sending_is_sent(self, site: Site, sandbox: Sandbox) -> None:
        scanner.run(NOW)
        end = site.credential.expires_at
        Credential.objects.update(expires_at=NOW + timedelta(days=700))
        works()
        Credential.objects.update(expires_at=end)
        assert told(NOW) == [30]
        assert works() == {"sent": 1}
        assert len(mailed(sandbox)) == 1

    def test_expiry_changed_and_reverted_after_sending_is_not_sent_twice(self, site: Site, sandbox: Sandbox) -> None:
        scanner.run(NOW)
        works()
        end = site.credential.expires_at
        Credential.objects.update(expires_at=NOW + timedelta(days=700))
        assert told(NOW) == []
        Credential.objects.update(expires_at=end)
        assert told(NOW) == []
        assert len(mailed(sandbox)) == 1


class TestTheRecipient:
    def test_recipients_at_sending_time_are_notified(self, site: Site, sandbox: Sandbox) -> None:
        scanner.run(NOW)
        contact = site.tenant.contacts.get()
        contact.email = "New@northpark.example"
        contact.save()
        assert works() == {"cancelled": 1}
        assert told(NOW) == [30]
        assert works() == {"sent": 1}
        assert [recipient for recipient, _subject in mailed(sandbox)] == ["new@northpark.example"]

    def test_remaining_recipient_is_notified_once(self, site: Site, sandbox: Sandbox) -> None:
        Contact.objects.create(tenant=site.tenant, email="leaver@northpark.example")
        scanner.run(NOW)
        Contact.objects.filter(email="leaver@northpark.example").delete()
        Delivery.objects.filter(recipient=DUTY).update(not_before=NOW + timedelta(minutes=1))
        assert works() == {"cancelled": 1}
        assert works(NOW + timedelta(minutes=1)) == {"sent": 1}
        assert told(NOW + timedelta(hours=1)) == []
        assert [recipient for recipient, _subject in mailed(sandbox)] == [DUTY]

    def test_only_tenants_with_the_contact_are_in_the_mail(self, site: Site, rows: Rows, sandbox: Sandbox) -> None:
        other = rows.tenant("Lakeside Water", [DUTY])
        rows.credential(rows.app(other, "SCADA"), days=2)
        scanner.run(NOW)
        other.contacts.all().delete()
        assert works() == {"sent": 1}
        [(_recipient, subject)] = mailed(sandbox)
        assert "ALERT" in subject
        assert "more" not in subject
        assert not ReminderLine.objects.filter(reminder__credential__app__tenant=other).exists()

    def test_administrator_is_notified_without_contacts(
        self, site: Site, administrator: User, sandbox: Sandbox
    ) -> None:
        site.tenant.contacts.all().delete()
        scanner.run(NOW)
        assert works() == {"sent": 1}
        assert [recipient for recipient, _subject in mailed(sandbox)] == [administrator.email]

    def test_administrators_stand_back_when_the_tenant_has_a_contact(
        self, site: Site, administrator: User, sandbox: Sandbox
    ) -> None:
        site.tenant.contacts.all().delete()
        scanner.run(NOW)
        assert Delivery.objects.get().recipient == administrator.email
        Contact.objects.create(tenant=site.tenant, email=DUTY)
        assert works() == {"cancelled": 1}
        told(NOW)
        works()
        assert [recipient for recipient, _subject in mailed(sandbox)] == [DUTY]

    def test_deactivated_administrator_is_not_notified(self, site: Site, administrator: User, sandbox: Sandbox) -> None:
        site.tenant.contacts.all().delete()
        scanner.run(NOW)
        User.objects.update(is_active=False)
        assert works() == {"cancelled": 1}
        assert scanner.without_recipients(NOW).get() == site.credential


class TestAfterAnOutage:
    @pytest.mark.parametrize("days", [1, 3, 40])
    def test_each_secret_gets_one_mail_with_the_days_that_are_true(
        self, site: Site, sandbox: Sandbox, days: int
    ) -> None:
        scanner.run(NOW)
        works()
        later = NOW + timedelta(days=days)
        expected = due_threshold(site.credential.expires_at, later)
        assert expected is not None
        assert told(later) == ([expected] if expected < 30 else [])
        works(later)
        assert told(later + timedelta(hours=1)) == []
        subjects = [subject for _recipient, subject in mailed(sandbox)]
        assert len(subjects) == (2 if expected < 30 else 1)
        if days == 40:
            assert "expired 20 days ago" in subjects[-1]

    def test_expired_before_sending_is_sent_as_expired(self, site: Site, sandbox: Sandbox) -> None:
        Credential.objects.update(expires_at=NOW + timedelta(days=95))
        assert told(NOW) == []
        later = NOW + timedelta(days=96)
        assert told(later) == [0]
        works(later)
        [(_recipient, subject)] = mailed(sandbox)
        assert "expired 1 day ago" in subject

    @pytest.mark.django_db(transaction=True)
    def test_delayed_mail_is_replaced_by_the_nearer_reminder(self, site: Site, sandbox: Sandbox) -> None:
        sandbox.faults.add("graph", status=403)
        scanner.run(NOW)
        works()
        later = NOW + timedelta(days=7)
        assert told(later) == [14]
        assert works(later) == {"sent": 1, "cancelled": 1}
        [(_recipient, subject)] = mailed(sandbox)
        assert "expires in 13 days" in subject


steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 45 * 24)),
    st.tuples(st.just("renew"), st.integers(-10 * 24, 200 * 24)),
    st.tuples(st.just("set back"), st.just(0)),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, min_size=1, max_size=14))
def test_scan_matches_the_reference_model(rows: Rows, history: list[tuple[str, int]]) -> None:
    """Hours that pass, renewals, an earlier expiry that returns; a scan after each."""
    Credential.objects.all().delete()
    credential = rows.credential(rows.app(rows.tenant(contacts=[DUTY])), days=30)
    now, first, end = NOW, credential.expires_at, credential.expires_at
    told_of: dict[datetime, list[int]] = {}
    for what, hours in history:
        if what == "wait":
            now += timedelta(hours=hours)
        else:
            end = now + timedelta(hours=hours) if what == "renew" else first
            Credential.objects.update(expires_at=end)
        nearest = due_threshold(end, now)
        already = told_of.setdefault(end, [])
        expected = [] if nearest is None or any(threshold <= nearest for threshold in already) else [nearest]
        assert told(now) == expected
        already += expected


@pytest.mark.parametrize(
    ("end", "now", "threshold"),
    [
        ("2027-03-01T00:00:00+00:00", "2027-02-01T00:00:00+00:00", 30),
        ("2028-03-01T00:00:00+00:00", "2028-02-29T00:00:00+00:00", 1),
        ("2027-01-01T00:00:00+00:00", "2026-12-31T23:59:59.999999+00:00", 1),
        ("2026-12-31T23:59:59+14:00", "2026-12-31T09:59:59+00:00", 0),
        ("2026-12-31T00:00:00-12:00", "2026-12-30T12:00:00+00:00", 1),
    ],
)
def test_days_that_calendars_make_odd(rows: Rows, end: str, now: str, threshold: int) -> None:
    """Leap days, New Year's Eve, the most distant time zones."""
    tenant = rows.tenant(contacts=[DUTY])
    rows.credential(rows.app(tenant), expires_at=datetime.fromisoformat(end))
    assert told(datetime.fromisoformat(now)) == [threshold]


@pytest.mark.parametrize("threshold", DEFAULT.thresholds)
def test_threshold_is_exact_to_the_microsecond(rows: Rows, threshold: int) -> None:
    tenant = rows.tenant(contacts=[DUTY])
    credential = rows.credential(rows.app(tenant), days=120)
    reached = credential.expires_at - timedelta(days=threshold)
    told(reached - timedelta(days=0.5))
    assert told(reached - timedelta(microseconds=1)) == []
    assert told(reached) == [threshold]
    assert told(reached + timedelta(microseconds=1)) == []


def at_once(times: int, work: Callable[[], object]) -> None:
    together = Barrier(times)

    def run(_number: int) -> None:
        try:
            together.wait()
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
def test_scans_at_once_owe_each_reminder_once(rows: Rows) -> None:
    tenant = rows.tenant(contacts=[DUTY, "second@northpark.example"])
    for days in range(1, 9):
        rows.credential(rows.app(tenant), days=days)
    at_once(5, lambda: scanner.run(NOW, ring=False))
    assert Reminder.objects.count() == 8
    assert ReminderLine.objects.count() == 16
    assert Delivery.objects.count() == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.PENDING}
