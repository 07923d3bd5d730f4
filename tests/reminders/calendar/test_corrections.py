"""Entries that were sent and no longer apply are withdrawn or moved, once, for the recipients of the original."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from alertadmin.outbox.mails import composers
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import Contact, Credential, CredentialState, Mailbox
from alertadmin.reminders.models import CalendarEntry, Policy
from alertadmin.reminders.scan import scanner
from tests.factories import Rows

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY, OTHER = "duty@northpark.example", "other@northpark.example"
DAY = timedelta(days=1)


@pytest.fixture
def told(rows: Rows) -> Credential:
    """A secret of whose expiry one contact was notified by mail."""
    credential = rows.credential(rows.app(rows.tenant("Northpark", [DUTY])), days=20, description="alert server")
    reminded()
    return credential


def reminded(now: datetime = NOW, state: str = DeliveryState.SENT) -> None:
    """Compose all deliveries of a scan, and set their outcome."""
    scanner.run(now, ring=False)
    for delivery in Delivery.objects.filter(state=DeliveryState.PENDING):
        composers.compose(delivery, now)
        Delivery.objects.filter(pk=delivery.pk).update(state=state, settled_at=now)


def corrections(now: datetime = NOW + DAY) -> list[Delivery]:
    scanner.run(now, ring=False)
    return list(Delivery.objects.filter(purpose=Purpose.CALENDAR))


def mail(delivery: Delivery, now: datetime = NOW + DAY) -> Content:
    composed = composers.compose(delivery, now)
    assert isinstance(composed, Content)
    return composed


def calendar(mail: Content, number: int = 0) -> tuple[str, Any]:
    """The method and the one entry of an attachment."""
    attachment = mail.attachments[number]
    read = Calendar.from_ical(attachment.content)
    assert dict(attachment.parameters)["method"] == read["METHOD"]
    (event,) = read.walk("VEVENT")
    return str(read["METHOD"]), event


def replace(credential: Credential) -> None:
    Credential.objects.filter(pk=credential.pk).update(state=CredentialState.RETIRED)
    Credential.objects.create(app=credential.app, description="second", expires_at=NOW + 700 * DAY)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (replace, "It was replaced by “second”."),
        (lambda one: Credential.objects.filter(pk=one.pk).update(state=CredentialState.RETIRED), "It was superseded."),
        (lambda one: one.delete(), "It was deleted here."),
        (lambda one: one.app.delete(), "It was deleted here."),
    ],
    ids=["replaced", "retired", "deleted", "deleted with its app"],
)
def test_entries_of_deleted_objects_are_withdrawn(
    told: Credential, what: Callable[[Credential], object], words: str
) -> None:
    uid, end = str(told.pk), told.expires_at
    what(told)
    (delivery,) = corrections()
    assert delivery.recipient == DUTY
    written = mail(delivery)
    assert written.subject == "“ALERT” of “Northpark”: no action needed, a calendar entry changes"
    assert words in written.text
    assert words in written.html
    method, event = calendar(written)
    assert (method, event["UID"], event["STATUS"], event["SEQUENCE"]) == ("CANCEL", uid, "CANCELLED", 1)
    assert event["DTSTART"].dt == end


def test_an_end_that_moved_moves_in_the_calendar_and_can_be_taken_back_later(told: Credential) -> None:
    told.expires_at = NOW + 400 * DAY
    told.save()
    (delivery,) = corrections()
    method, event = calendar(mail(delivery))
    assert (method, event["UID"], event["SEQUENCE"]) == ("PUBLISH", str(told.pk), 1)
    assert event["DTSTART"].dt == NOW + 400 * DAY
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.SENT)
    told.delete()
    (second,) = [one for one in corrections(NOW + 2 * DAY) if one.pk != delivery.pk]
    method, event = calendar(mail(second))
    assert (method, event["SEQUENCE"]) == ("CANCEL", 2)
    assert event["DTSTART"].dt == NOW + 400 * DAY


def test_expiry_that_moves_from_a_moment_to_a_day_keeps_its_entry(told: Credential) -> None:
    told.expires_at = datetime(2028, 1, 31, tzinfo=told.app.tenant.zone)
    told.save()
    (delivery,) = corrections()
    method, event = calendar(mail(delivery))
    assert (method, event["UID"], event["SEQUENCE"]) == ("PUBLISH", str(told.pk), 1)
    assert event["DTSTART"].dt == date(2028, 1, 31)
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.SENT)
    told.delete()
    (second,) = [one for one in corrections(NOW + 2 * DAY) if one.pk != delivery.pk]
    method, event = calendar(mail(second))
    assert (method, event["SEQUENCE"], event["DTSTART"].dt) == ("CANCEL", 2, date(2028, 1, 31))


def test_moved_expiry_with_a_new_reminder_needs_no_correction(told: Credential) -> None:
    told.expires_at = NOW + 10 * DAY
    told.save()
    assert corrections() == []


def test_what_moved_and_came_back_is_right_again(told: Credential) -> None:
    end = told.expires_at
    Credential.objects.update(expires_at=NOW + 400 * DAY)
    (delivery,) = corrections()
    Credential.objects.update(expires_at=end)
    assert isinstance(composers.compose(delivery, NOW + DAY), Obsolete)
    assert CalendarEntry.objects.get().corrected_by is None


def test_a_mailbox_that_left_ews_is_taken_back(rows: Rows) -> None:
    later = datetime(2027, 3, 25, tzinfo=UTC)
    app = rows.app(rows.tenant("Northpark", [DUTY]))
    box = Mailbox.objects.create(tenant=app.tenant, app=app, address="a@x.example", transport="ews")
    reminded(later)
    assert corrections(later) == []
    Mailbox.objects.update(transport="graph")
    (delivery,) = corrections(later)
    written = mail(delivery, later)
    assert "It no longer sends by EWS." in written.text
    assert calendar(written)[1]["UID"] == str(box.pk)


def test_correction_is_sent_once_even_if_the_mail_fails(told: Credential) -> None:
    told.delete()
    (delivery,) = corrections()
    assert corrections(NOW + 2 * DAY) == [delivery]
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.FAILED)
    assert corrections(NOW + 3 * DAY) == [Delivery.objects.get(pk=delivery.pk)]


def test_no_correction_without_a_sent_entry(rows: Rows) -> None:
    credential = rows.credential(rows.app(rows.tenant("Northpark", [DUTY])), days=20)
    reminded(state=DeliveryState.FAILED)
    Contact.objects.create(tenant=credential.app.tenant, email=OTHER)
    credential.delete()
    assert corrections() == []


def test_what_may_have_arrived_is_taken_back_once_it_is_over(told: Credential) -> None:
    told.delete()
    Delivery.objects.update(state=DeliveryState.UNCERTAIN, was_uncertain=True, settled_at=None)
    assert corrections() == []
    Delivery.objects.update(settled_at=NOW)
    assert len(corrections()) == 1


def test_former_recipient_gets_no_correction(told: Credential) -> None:
    told.delete()
    (delivery,) = corrections()
    Contact.objects.all().delete()
    assert isinstance(composers.compose(delivery, NOW + DAY), Obsolete)
    assert corrections(NOW + 2 * DAY) == [delivery]


def test_many_corrections_are_one_mail_and_the_rest_the_next(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = rows.tenant("Northpark", [DUTY])
    for _number in range(3):
        rows.credential(rows.app(tenant), days=20)
    reminded()
    Credential.objects.all().delete()
    monkeypatch.setattr("alertadmin.reminders.calendar.corrections.MAX_PER_MAIL", 2)
    (delivery,) = corrections()
    written = mail(delivery)
    assert [one.name for one in written.attachments] == ["withdrawn-1.ics", "withdrawn-2.ics"]
    assert written.subject == "No action needed: 2 calendar entries change"
    assert CalendarEntry.objects.filter(corrected_by=None).count() == 1
    assert len(corrections(NOW + 2 * DAY)) == 2


def test_it_keeps_to_quiet_hours(told: Credential) -> None:
    Policy.objects.create(has_timing=True, quiet_from="06:00", quiet_until="20:00")
    told.delete()
    (delivery,) = corrections()
    assert delivery.not_before == datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def test_it_comes_after_every_reminder(told: Credential) -> None:
    told.delete()
    (delivery,) = corrections()
    assert delivery.urgency > NOW + 3000 * DAY


def test_with_nothing_to_correct_a_scan_asks_one_question_more(told: Credential) -> None:
    with CaptureQueriesContext(connection) as queries:
        scanner.run(NOW + DAY, ring=False)
    assert sum("calendarentry" in query["sql"] for query in queries) == 1
