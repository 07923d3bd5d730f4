"""Pages and mails beside one odd row that a walk over all rows found to fail once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.audit.models import AuditEntry
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Credential, SetupProgress
from alertadmin.reminders.calendar import feeds
from alertadmin.reminders.models import CalendarFeed, Scan
from alertadmin.reminders.restore import review
from alertadmin.reminders.scan import scanner
from tests.audit import tamper
from tests.factories import Rows

WITHOUT_END = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: the end of a certificate that has none."""


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Mars/Olympus"])
def test_an_expiry_in_the_year_9999_is_shown_and_in_the_feed(
    signed_in: Client, administrator: User, rows: Rows, zone: str
) -> None:
    odd = rows.credential(rows.app(rows.tenant("Odd")), description="endless")
    other = rows.credential(rows.app(rows.tenant("Other")), description="other")
    odd.app.tenant.time_zone = administrator.time_zone = zone
    odd.app.tenant.save()
    administrator.save()
    Credential.objects.filter(pk=odd.pk).update(expires_at=WITHOUT_END)
    feed = CalendarFeed.objects.create(owner=administrator, digest="0" * 64, created_at=rows.now)
    calendar = b"".join(feeds.content_of(feed, rows.now)).decode()
    assert all(str(one.pk) in calendar for one in (odd, other))
    for url in (odd.get_absolute_url(), odd.app.get_absolute_url(), reverse("credentials"), reverse("overview")):
        assert signed_in.get(url).status_code == 200


def test_a_restore_noticed_at_the_end_of_time(rows: Rows) -> None:
    """Every page asks for the last one."""
    Scan.objects.create(started_at=WITHOUT_END, finished_at=WITHOUT_END, copy_of=WITHOUT_END)
    restored = review.last_restore()
    assert restored is not None
    assert WITHOUT_END in (getattr(restored, one.name) for one in dataclasses.fields(restored))


@pytest.mark.parametrize("details", ["null", "5", '"text"', "[1, null]", '{"changes": 5}'])
def test_the_audit_trail_shows_an_entry_with_altered_details(
    signed_in: Client, administrator: User, details: str
) -> None:
    last = AuditEntry.objects.order_by("number").last()
    assert last is not None
    with tamper.without_triggers():
        tamper.run("UPDATE accounts_auditentry SET details = %s WHERE number = %s", details, last.number)
    assert signed_in.get(reverse("audit")).status_code == 200


def test_a_guide_whose_app_is_gone_goes_back_to_it(signed_in: Client, administrator: User, rows: Rows) -> None:
    app = rows.app()
    mailbox = app.mailboxes.create(tenant=app.tenant, address="a@x.example", transport="graph")
    guide = SetupProgress.objects.create(person=administrator, tenant=app.tenant, mailbox=mailbox)
    for step in ("test", "settings"):
        answer = signed_in.get(reverse(f"guide-{step}", args=[guide.pk]))
        assert answer.headers["Location"] == reverse("guide-application", args=[guide.pk])


def test_a_mail_beside_an_expiry_in_the_year_9999(rows: Rows) -> None:
    tenant = rows.tenant(contacts=["duty@x.example"], time_zone="Asia/Tokyo")
    near, endless = rows.credential(rows.app(tenant), days=3), rows.credential(rows.app(tenant), days=3)
    scanner.run(rows.now)
    Credential.objects.filter(pk=endless.pk).update(expires_at=WITHOUT_END)
    near.app.reminders.model.objects.filter(credential=endless).update(expires_at=WITHOUT_END)
    [delivery] = Delivery.objects.filter(purpose=Purpose.REMINDER)
    composed = composers.compose(delivery, timezone.now())
    assert isinstance(composed, composers.Content)
    assert str(near.pk) in composed.text
