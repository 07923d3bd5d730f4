"""Sign-ins of personal accounts: a reminder before they expire and when they are lost, none while they are used."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Mailbox
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import Policy, Reminder, ReminderKind
from alertadmin.reminders.scan import scanner
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def account(rows: Rows) -> Mailbox:
    tenant = rows.tenant(contacts=["it@northpark.example"])
    app = rows.app(tenant)
    mailbox = Mailbox(tenant=tenant, app=app, address="me@outlook.example", is_personal=True)
    mailbox.refresh_token = "M.C512_SBX.0.U.-kept"
    mailbox.signed_in_at, mailbox.sign_in_ends_at = NOW - 90 * DAY, NOW
    mailbox.save()
    return mailbox


def told(mailbox: Mailbox, days: float) -> list[tuple[int, bool]]:
    """Thresholds that are due when so many days are left, and whether the escalation level is notified."""
    Mailbox.objects.filter(pk=mailbox.pk).update(sign_in_ends_at=NOW + days * DAY)
    scanner.run(NOW)
    return list(Reminder.objects.filter(kind=ReminderKind.SIGN_IN).values_list("threshold", "is_escalated"))


@pytest.mark.parametrize(
    ("days", "owed"), [(90, []), (61, []), (31, []), (30, [30]), (10, [14]), (3, [3]), (0, [0]), (-8, [-7])]
)
def test_reminders_in_the_last_month_and_after(account: Mailbox, days: int, owed: list[int]) -> None:
    assert [threshold for threshold, _escalated in told(account, days)] == owed


def test_each_threshold_is_sent_once(account: Mailbox) -> None:
    assert len(told(account, 13)) == len(told(account, 13)) == 1
    scanner.run(NOW - 9 * DAY)
    assert Reminder.objects.count() == 1


def test_in_the_last_week_everybody_is_told(account: Mailbox) -> None:
    assert told(account, 3) == [(3, True)]


def test_the_next_in_line_is_told_too_when_it_is_late(account: Mailbox) -> None:
    assert told(account, 14) == [(14, False)]
    scanner.run(NOW + 7 * DAY)
    assert set(Reminder.objects.values_list("threshold", "is_escalated")) == {(14, False), (7, True)}


def test_each_plan_counts_for_its_own(account: Mailbox, rows: Rows) -> None:
    Policy.objects.create(tenant=account.tenant, plan="60,20,0/7/14")
    assert told(account, 25) == []
    assert told(account, 19) == [(20, False)]


def test_an_account_that_never_signed_in_owes_nothing(account: Mailbox) -> None:
    Mailbox.objects.update(sign_in_ends_at=None)
    scanner.run(NOW)
    assert not Reminder.objects.filter(kind=ReminderKind.SIGN_IN).exists()


def test_the_mail_says_what_to_do(account: Mailbox) -> None:
    told(account, 3)
    content = digest.compose(Delivery.objects.get(recipient="it@northpark.example"), NOW)
    assert isinstance(content, Content)
    assert "sign-in of me@outlook.example expires in 3 days" in content.subject
    assert "Sign in again" in content.text
    assert str(account.pk) in content.text


def test_renewed_sign_in_has_no_reminder(account: Mailbox) -> None:
    told(account, 3)
    Mailbox.objects.update(sign_in_ends_at=NOW + 90 * DAY)
    content = digest.compose(Delivery.objects.get(recipient="it@northpark.example"), NOW)
    assert not isinstance(content, Content)
