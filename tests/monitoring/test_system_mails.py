"""Mails about alertadmin itself: one a month, one for each address that is rejected; each is sent once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import make_owner
from alertadmin.monitoring import messages, system_mails, tasks
from alertadmin.monitoring.models import Monthly, SystemMail
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Contact, Mailbox
from alertadmin.reminders.models import Level, Recipient
from alertadmin.reminders.restore import review
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Rows, Site
from tests.helpers.login import signed_in_at
from tests.monitoring.conftest import alive
from tests.outbox.factories import bare
from tests.outbox.fake_clock import Time

FIRST = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def running(administrator: User, rows: Rows, broker_answers: None) -> Rows:
    """Scans since the tests' day, and a recipient."""
    scanner.run(NOW)
    return rows


@pytest.fixture
def signed_in(client: Client, administrator: User) -> Client:
    """A moment ago: the monthly mail is changed by owners who have just shown who they are."""
    return signed_in_at(client, administrator)


def house() -> list[Delivery]:
    return list(Delivery.objects.filter(purpose=Purpose.HOUSE).order_by("created_at", "recipient"))


def words(delivery: Delivery, now: datetime) -> composers.Content:
    composed = composers.compose(delivery, now)
    assert isinstance(composed, composers.Content)
    return composed


@given(st.integers(0, 100 * 366 * 24 * 60), st.integers(1, 28))
def test_a_month_s_moment_is_the_latest_one_up_to_now(minutes: int, day: int) -> None:
    now = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    due = system_mails.months_first(now, day)
    assert (due.day, due.hour) == (day, system_mails.HOUR)
    assert due <= now < due + timedelta(days=31)


def test_nothing_is_written_before_the_first_month_is_over(running: Rows) -> None:
    assert system_mails.write(NOW) == system_mails.write(FIRST - timedelta(seconds=1)) == 0


def test_one_is_written_each_month(running: Rows) -> None:
    for hours in range(0, 24 * 72, 9):
        system_mails.write(NOW + timedelta(hours=hours))
    assert list(SystemMail.objects.order_by("about").values_list("about", "recipient")) == [
        ("2026-12", "ada@northpark.example"),
        ("2027-01", "ada@northpark.example"),
        ("2027-02", "ada@northpark.example"),
    ]


def test_after_three_months_of_silence_one_is_written(running: Rows) -> None:
    assert system_mails.write(FIRST + timedelta(days=100)) == 1
    assert SystemMail.objects.get().about == "2027-03"


def test_monthly_mail_is_sent_on_the_chosen_day_to_the_chosen_recipients(signed_in: Client, running: Rows) -> None:
    answer = signed_in.post(
        "/watching/", {"is_on": "on", "day": "15", "emails": "Duty@northpark.example\nchief@n.example"}
    )
    assert answer.status_code == 302
    assert system_mails.write(FIRST + timedelta(days=13)) == 0
    assert system_mails.write(FIRST + timedelta(days=14)) == 2
    # And each owner is notified of the change.
    told = [one.recipient for one in house() if one.recipient != "ada@northpark.example"]
    assert told == ["chief@n.example", "duty@northpark.example"]
    page = signed_in.get("/watching/").content.decode()
    assert "duty@northpark.example" in page


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"day": "31"}, "less than or equal to 28"), ({"emails": "no-address"}, "is not an e-mail address")],
)
def test_a_mistake_is_explained_and_the_old_day_stays(signed_in: Client, changes: dict[str, str], why: str) -> None:
    signed_in.post("/watching/", {"is_on": "on", "day": "15", "emails": ""})
    page = signed_in.post("/watching/", {"is_on": "on", "day": "3", "emails": "", **changes})
    assert page.status_code == 422
    assert why in page.content.decode()
    assert Monthly.objects.get().day == 15


def test_monthly_mail_can_be_disabled(signed_in: Client, running: Rows) -> None:
    signed_in.post("/watching/", {"day": "1", "emails": ""})
    assert system_mails.write(FIRST) == 0
    assert system_mails.next_monthly(NOW) is None


def test_the_installation_s_people_come_before_its_administrators(running: Rows) -> None:
    Recipient.objects.create(email="Watch@northpark.example", line=Level.FIRST)
    system_mails.write(FIRST)
    assert [one.recipient for one in house()] == ["watch@northpark.example"]


def ready(rows: Rows) -> None:
    """A route, and a scan of today."""
    app = rows.app(rows.tenant(contacts=["duty@northpark.example"]))
    rows.credential(app, days=200, value="uvW8Q~secret")
    Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@northpark.example", transport="graph")
    scanner.run(FIRST)
    alive(FIRST)


def test_it_says_that_all_is_well_what_is_watched_and_what_ends_next(running: Rows) -> None:
    ready(running)
    bare(2, NOW, state="sent", recipient="duty@northpark.example")
    system_mails.write(FIRST)
    mail = words(house()[0], FIRST)
    assert mail.subject == "alertadmin: all OK, 1 secret monitored, next expiry date 11 Jun 2027"
    assert "Everything is OK." in mail.text
    assert "“Northpark Energy” / “ALERT” / “alert" in mail.text
    assert "In the last month 1 recipient was notified by 2 messages." in mail.text
    assert "Every message was sent." in mail.text
    assert "/watching/" in mail.text
    assert "<h1" in mail.html


def test_it_says_plainly_that_not_all_is_well(running: Rows) -> None:
    running.credential(days=-1)
    bare(1, NOW, state="failed", settled_at=NOW)
    system_mails.write(FIRST)
    mail = words(house()[0], FIRST)
    assert mail.subject == "alertadmin: 5 problems to solve"
    for alarm in (
        "No worker has run",
        "No expiry scan has run",
        "no mailbox that can send, and no SMTP relay.",
        "1 secret in use has expired",
        "reminder of the last month may not have been delivered.",
    ):
        assert alarm in mail.text
        assert alarm in mail.html
    assert "Every message was sent." not in mail.text


def test_it_is_worded_in_its_reader_s_language(running: Rows, administrator: User) -> None:
    ready(running)
    administrator.language = "fr"
    administrator.save()
    system_mails.write(FIRST)
    mail = words(house()[0], FIRST)
    assert mail.language == "fr"
    assert "11 juin 2027" in mail.subject
    assert "all ok" not in mail.text.lower()


def test_rejected_address_is_reported_once(running: Rows) -> None:
    running.tenant("Seaside Terminal", contacts=["Gone@northpark.example"])
    for number in range(2):
        bare(
            1,
            NOW,
            state="failed",
            cause="recipient_rejected",
            recipient="gone@northpark.example",
            dedupe_key=f"{number}",
        )
        system_mails.write(NOW)
    [mail] = house()
    assert mail.recipient == "ada@northpark.example"
    told = words(mail, NOW)
    assert told.subject == "gone@northpark.example cannot be notified: correct the address"
    assert "gone@northpark.example (“Seaside Terminal”)" in told.text


def test_a_hundred_such_addresses_are_one_mail(running: Rows) -> None:
    bare(100, NOW, state="failed", cause="recipient_rejected")
    system_mails.write(NOW)
    [mail] = house()
    told = words(mail, NOW)
    assert told.subject == "100 recipients cannot be notified: correct their addresses"
    assert "And 50 more." in told.text


def test_rejected_address_itself_gets_no_report(running: Rows) -> None:
    bare(1, NOW, state="failed", cause="recipient_rejected", recipient="ada@northpark.example")
    system_mails.write(NOW)
    assert house() == []


def test_what_failed_for_another_reason_is_no_wrong_address(running: Rows) -> None:
    bare(1, NOW, state="failed", cause="network")
    assert system_mails.write(NOW) == 0


def test_the_letter_of_a_refused_address_leaves_by_the_outbox(relay: Sandbox, administrator: User, rows: Rows) -> None:
    """End to end: permanently refused, recorded, and reported by the same route."""
    from alertadmin.outbox import worker

    time = Time(NOW)
    site: Site = rows.site(relay, days=5)
    site.mailbox.delete()
    Contact.objects.create(tenant=site.tenant, email="gone@northpark.example")
    administrator.delete()
    scanner.run(NOW)
    relay.faults.add("relay", status=550, stage="rcpt", times=1)
    worker.deliver_due(clock=time)
    assert Delivery.objects.get().state == "failed"
    make_owner(User.objects.create(email="ada@northpark.example"))
    system_mails.write(NOW)
    worker.deliver_due(clock=time)
    [mail] = house()
    assert mail.state == "sent"
    [entry] = [entry for entry in relay.ledger.messages() if mail.pk.hex in entry["message_id"].replace("-", "")]
    assert entry["subject"] == "gone@northpark.example cannot be notified: correct the address"


def test_the_clock_s_task_writes_them_too(db: None, administrator: User) -> None:
    now = timezone.now()
    scanner.run(now - timedelta(days=40))
    scanner.run(now)
    tasks.watch()
    assert len(house()) == 1


def test_concurrent_writes_make_one_mail(running: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    system_mails.write(FIRST)
    none = SystemMail.objects.none()
    # The other process looked before this one wrote.
    monkeypatch.setattr(SystemMail.objects, "filter", lambda **_fields: none)
    assert system_mails.write(FIRST) == 0
    assert len(house()) == 1


@pytest.fixture
def put_back(running: Rows, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The database was restored, and a mail is held for review."""
    monkeypatch.setattr(review, "FEW", 0)
    bare(1, NOW, urgency=NOW + timedelta(days=20))
    review.begin(scanner.run(NOW), NOW - timedelta(days=9), NOW)
    return NOW


def test_restored_database_is_reported_once_to_each_recipient(put_back: datetime) -> None:
    for minutes in range(0, 60 * 23, 5):
        system_mails.write(put_back + timedelta(minutes=minutes))
    [delivery] = house()
    told = words(delivery, put_back)
    assert told.subject == "The database was restored from a backup: 1 mail needs your decision"
    assert "14 Nov 2026, 09:00 CET" in told.text
    assert "is sent automatically on 24 Nov 2026, 09:00 CET" in told.text
    assert "/deliveries/review/" in told.text
    assert "/deliveries/review/" in told.html


def test_report_is_dropped_after_a_decision(put_back: datetime) -> None:
    system_mails.write(put_back)
    review.send(review.awaiting_review(put_back), put_back)
    assert composers.compose(house()[0], put_back) == composers.Obsolete(messages.NOTHING_TO_SAY)


def test_no_report_without_held_deliveries(running: Rows) -> None:
    review.begin(scanner.run(NOW), NOW - timedelta(days=9), NOW)
    assert system_mails.write(NOW) == 0


@pytest.mark.control(60)
def test_monthly_mail_contains_the_last_audit_entry(running: Rows) -> None:
    with transaction.atomic():
        entry = audit.record(audit.AuditAction.RECORDS_PRUNED, count=1)
    system_mails.write(FIRST)
    assert f"{entry.number}:{entry.digest}" in words(house()[0], FIRST).text.replace("\n", "")
