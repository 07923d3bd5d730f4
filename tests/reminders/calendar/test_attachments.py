"""The calendar attached to a reminder mail, from the scan to the sent message."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from icalendar import Calendar

from alertadmin.outbox import worker
from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.csv_import import import_registrations
from alertadmin.registry.models import Credential, Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import CalendarEntry, Policy
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.reminders.calendar import ical_lint

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUTY = "duty@northpark.example"


@pytest.fixture
def site(sandbox: Sandbox, rows: Rows) -> Site:
    return rows.site(sandbox, days=20, contacts=[DUTY])


def composed(delivery: Delivery | None = None, now: datetime = NOW) -> Content:
    content = digest.compose(delivery or Delivery.objects.latest("created_at"), now)
    assert isinstance(content, Content)
    return content


def calendars(sandbox: Sandbox) -> list[tuple[EmailMessage, bytes]]:
    """The attachment of each mail of this test's deliveries, with the mail."""
    ours = set(Delivery.objects.values_list("message_id", flat=True))
    found = []
    for entry in sandbox.ledger.messages():
        if entry["message_id"] in ours:
            mail: Any = message_from_bytes(entry["mime"].encode(), EmailMessage, policy=policy.default)
            found += [(part, part.get_payload(decode=True)) for part in mail.iter_attachments()]
    return found


def works(at: datetime = NOW) -> dict[str, int]:
    return dict(worker.deliver_due(clock=lambda: at))


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def test_a_reminder_arrives_with_its_end_for_the_calendar(site: Site, sandbox: Sandbox) -> None:
    scanner.run(NOW)
    assert works() == {"sent": 1}
    ((part, content),) = calendars(sandbox)
    assert part["Content-Type"].params["method"] == "PUBLISH"
    assert part.get_filename() == "alertadmin.ics"
    (event,) = events(content)
    assert event["UID"] == str(site.credential.pk)
    assert event["DTSTART"].dt == site.credential.expires_at
    assert ical_lint.components(content)[0] == "VCALENDAR"
    assert "The attached file adds the coming expiry dates to your" in Delivery.objects.get().text
    entry = CalendarEntry.objects.get()
    assert (entry.recipient, entry.thing, entry.ends_at, entry.sequence) == (
        DUTY,
        site.credential.pk,
        site.credential.expires_at,
        0,
    )


def test_one_calendar_for_all_that_is_still_to_end_of_either_kind(rows: Rows) -> None:
    tenant = rows.tenant("Northpark", [DUTY])
    app = rows.app(tenant)
    soon = rows.credential(app, days=3)
    rows.credential(rows.app(tenant, "Gone"), days=-3)
    box = Mailbox.objects.create(tenant=tenant, app=app, address="a@x.example", transport=TransportName.EWS)
    later = datetime(2027, 3, 25, 8, 0, tzinfo=UTC)
    Credential.objects.filter(pk=soon.pk).update(expires_at=later + timedelta(days=3))
    scanner.run(later)
    content = composed(now=later)
    (attachment,) = content.attachments
    found = {event["UID"]: event["DTSTART"].dt for event in events(attachment.content)}
    assert found == {str(soon.pk): later + timedelta(days=3), str(box.pk): date(2027, 4, 1)}
    assert "Gone" in content.text


def test_what_has_ended_is_no_entry_any_more(rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant(contacts=[DUTY])), days=-3)
    scanner.run(NOW)
    assert composed().attachments == ()
    assert "calendar" not in composed().text
    assert not CalendarEntry.objects.exists()


def test_its_alarms_follow_the_policy_in_force(rows: Rows) -> None:
    app = rows.app(rows.tenant(contacts=[DUTY]))
    rows.credential(app, days=20)
    Policy.objects.create(app=app, plan="25,5,2/7/7")
    scanner.run(NOW)
    (event,) = events(composed().attachments[0].content)
    assert [-one["TRIGGER"].dt.days for one in event.walk("VALARM")] == [5, 2]


def test_a_thousand_ends_are_a_calendar_of_a_hundred_by_as_many_questions_as_one(
    rows: Rows, django_assert_max_num_queries: Any
) -> None:
    tenant = rows.tenant(contacts=[DUTY])
    for number in range(digest.MAX_LINES + 3):
        rows.credential(rows.app(tenant), days=2, description=f"secret {number}")
    scanner.run(NOW)
    with django_assert_max_num_queries(25):
        content = composed()
    assert len(events(content.attachments[0].content)) == CalendarEntry.objects.count() == digest.MAX_LINES


def test_what_is_worded_anew_is_attached_and_recorded_anew(rows: Rows) -> None:
    tenant = rows.tenant(contacts=[DUTY])
    first, second = (rows.credential(rows.app(tenant), days=days) for days in (3, 9))
    scanner.run(NOW)
    composed()
    assert set(CalendarEntry.objects.values_list("thing", flat=True)) == {first.pk, second.pk}
    Credential.objects.filter(pk=first.pk).update(state="retired")
    (event,) = events(composed().attachments[0].content)
    assert event["UID"] == str(second.pk)
    assert CalendarEntry.objects.get().thing == second.pk


def test_an_uncertain_mail_is_repeated_with_the_calendar_it_had_to_the_byte(site: Site, sandbox: Sandbox) -> None:
    sandbox.faults.add("graph", reset="after")
    scanner.run(NOW)
    works()
    assert Delivery.objects.get().state == DeliveryState.UNCERTAIN
    entry = CalendarEntry.objects.get()
    sandbox.faults.clear()
    Credential.objects.filter(pk=site.credential.pk).update(description="another")
    site.app.name = "Renamed"
    site.app.save()
    works(NOW + timedelta(hours=3))
    assert Delivery.objects.get().state == DeliveryState.SENT
    (_part, first), (_again, second) = calendars(sandbox)
    assert first == second
    assert CalendarEntry.objects.get() == entry


@pytest.mark.parametrize("how", ["page", "import", "only this field"])
def test_an_end_that_moves_has_a_higher_number_and_a_later_date_of_change(rows: Rows, how: str) -> None:
    credential = rows.credential(rows.app(rows.tenant(contacts=[DUTY])), days=20)
    assert credential.end_moves == 0
    credential.description = "another"
    credential.save()
    assert credential.end_moves == 0
    credential.expires_at += timedelta(days=1)
    if how == "page":
        credential.save()
    elif how == "only this field":
        credential.save(update_fields=["expires_at"])
    else:
        moved_by_import(credential)
    credential.refresh_from_db()
    assert (credential.end_moves, credential.expires_at) == (1, NOW + timedelta(days=21))
    assert credential.end_moved_at is not None
    scanner.run(NOW)
    (event,) = events(composed().attachments[0].content)
    assert event["SEQUENCE"] == 1
    assert event["LAST-MODIFIED"].dt == credential.end_moved_at.replace(microsecond=0)


def moved_by_import(credential: Credential) -> None:
    app = credential.app
    text = (
        "directory_id,client_id,secret_description,secret_expires_on\n"
        f"{app.tenant.directory_id},{app.client_id},{credential.description},{credential.expires_at.isoformat()}\n"
    )
    import_registrations(io.BytesIO(text.encode()), now=NOW)
