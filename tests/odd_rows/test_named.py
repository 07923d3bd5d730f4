"""Each odd row is named to the operator, with what is done in its place, and nothing of the others is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, transaction
from django.db.models.query import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from alertadmin.accounts.models import User
from alertadmin.monitoring import health_report
from alertadmin.monitoring.health_checks import Facts, judge
from alertadmin.monitoring.health_messages import describe
from alertadmin.monitoring.notices import notices
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Consent, Contact, Credential, Mailbox, Tenant
from alertadmin.reminders.compose import reminder_lines
from alertadmin.reminders.models import Policy, Recipient, Reminder, Scan
from alertadmin.reminders.scan import scanner
from alertadmin.reminders.scan.sources import credentials as credentials_source
from tests.factories import Rows
from tests.odd_rows.test_shown import WITHOUT_END

ODD: list[tuple[type[Any], str, object, str]] = [
    (Tenant, "time_zone", "Mars/Olympus", "UTC is used"),
    (Tenant, "language", "tlh", "the installation’s is used"),
    (Tenant, "cloud", "gone", "nothing is sent or checked there"),
    (User, "time_zone", "Mars/Olympus", "UTC is used"),
    (User, "language", "tlh", "the installation’s is used"),
    (Mailbox, "transport", "pigeon", "it is not used"),
    (Mailbox, "address", "alarms", "no mail can be sent to"),
    (Contact, "email", "the duty desk", "no mail can be sent to"),
    (Recipient, "email", "the duty desk", "no mail can be sent to"),
    (Recipient, "line", 7, "it is notified of nothing"),
    (Consent, "permission", "Mail.Fly", "it is not checked"),
    (Delivery, "purpose", "poem", "it waits for a version that can"),
    (Credential, "expires_at", WITHOUT_END, "cannot be right"),
    (Credential, "certificate", "MIIB…", "cannot be read"),
    (Policy, "plan", "often", "the next scope’s is used"),
    (Policy, "working_days", "", "the next scope’s are used"),
]


@pytest.fixture
def filled(rows: Rows, administrator: User) -> None:
    tenant = rows.tenant(contacts=["duty@x.example"])
    app = rows.app(tenant)
    rows.credential(app)
    Mailbox.objects.create(tenant=tenant, app=app, address="alarms@x.example", transport="graph")
    Recipient.objects.create(email="house@x.example")
    Consent.objects.create(tenant=tenant, app=app, permission="Mail.Send")
    Delivery.objects.create(purpose="reminder", dedupe_key="x", recipient="duty@x.example")
    Policy.objects.create(plan="30,7,0/7/7", has_timing=True)


@pytest.mark.parametrize(("model", "column", "value", "said"), ODD, ids=[f"{m.__name__}.{c}" for m, c, _v, _s in ODD])
def test_an_odd_row_is_named_on_the_status_page(
    signed_in: Client, filled: None, model: type[Any], column: str, value: object, said: str
) -> None:
    assert [one for one in notices() if one.code == "odd_row"] == []
    model._default_manager.update(**{column: value})
    [notice] = [one for one in notices() if one.code == "odd_row"]
    assert said in notice.text
    assert signed_in.get(notice.url).status_code == 200
    page = signed_in.get(reverse("watching")).content.decode()
    assert said in page
    assert notice.url in page
    with translation.override("fr"):
        [french] = [one for one in notices() if one.code == "odd_row"]
    assert french.text != notice.text


def test_a_message_of_an_unknown_kind_waits(filled: None) -> None:
    Delivery.objects.update(purpose="poem")
    found = composers.compose(Delivery.objects.get(), timezone.now())
    assert isinstance(found, composers.Deferred)


def test_a_scan_names_the_row_that_it_left_out_and_reminds_of_the_others(
    signed_in: Client, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = rows.tenant(contacts=["duty@x.example"])
    odd, *others = [rows.credential(rows.app(tenant), days=3, description=f"secret {n}") for n in range(5)]
    write = credentials_source.write

    def refuse(scan: Scan, found: QuerySet[Any]) -> int:
        if found.filter(pk=odd.pk).exists():
            with transaction.atomic():
                raise DataError("value out of range: canary")
        return write(scan, found)

    monkeypatch.setattr(credentials_source, "write", refuse)
    scan = scanner.run(rows.now)
    assert scan.left_out == [f"registry.credential:{odd.pk}"]
    assert set(Reminder.objects.values_list("credential", flat=True)) == {one.pk for one in others}
    [problem] = [
        one for one in health_report.current(rows.now + timedelta(hours=1)).problems if one.code.startswith("row")
    ]
    [told] = describe([problem])
    assert "secret 0" in told.text
    assert told.url == odd.get_absolute_url()
    assert "secret 0" in signed_in.get(reverse("watching")).content.decode()
    monkeypatch.undo()
    assert scanner.run(rows.now + timedelta(hours=1)).left_out == []
    assert Reminder.objects.filter(credential=odd).exists()


def test_many_left_out_are_counted(rows: Rows) -> None:
    left_out = (
        *[f"registry.credential:{rows.credential().pk}" for _ in range(2)],
        "x.y:1",
        "gone",
        "registry.tenant:z",
    )
    found = judge(Facts(rows.now, last_scan=rows.now, left_out=(*left_out, *left_out)))
    told = [one.text for one in describe([one for one in found if "left_out" in one.code])]
    assert len(told) == 6
    assert "5 more" in told[-1]


def test_a_mail_names_the_line_that_cannot_be_worded_and_has_the_others(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = rows.tenant(contacts=["duty@x.example"])
    odd, *others = [rows.credential(rows.app(tenant, f"app {n}"), days=n + 2) for n in range(3)]
    line = reminder_lines.line

    def refuse(reminder: Reminder, now: Any) -> reminder_lines.ComposedLine:
        if reminder.credential_id == odd.pk:
            raise OverflowError("canary")
        return line(reminder, now)

    monkeypatch.setattr(reminder_lines, "line", refuse)
    scanner.run(rows.now)
    [delivery] = Delivery.objects.filter(purpose=Purpose.REMINDER)
    composed = composers.compose(delivery, rows.now)
    assert isinstance(composed, composers.Content)
    assert all(str(one.pk) in composed.text and str(one.pk) in composed.html for one in (odd, *others))
    assert "cannot be described" in composed.text
    assert "canary" not in f"{composed}"
