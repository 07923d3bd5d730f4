"""The pages on which people say how they are reminded, and put a reminder off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.registry.models import AppRegistration, Mailbox
from alertadmin.reminders import policies
from alertadmin.reminders.models import Level, Policy, Recipient, Snooze, SnoozeKind
from alertadmin.reminders.rules.schedule import DEFAULT, ReminderSchedule
from tests.factories import Rows


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant(contacts=["duty@northpark.example"]))


def said(**changes: object) -> dict[str, object]:
    return {
        "people-first": "",
        "people-next": "",
        "plan-own_plan": "on",
        "plan-thresholds": "45, 10 3,0",
        "plan-repeat": "14",
        "plan-escalate": "10",
        "timing-has_timing": "on",
        "timing-quiet_from": "20:00",
        "timing-quiet_until": "07:00",
        "timing-working_days": ["1", "2", "3", "4", "5"],
        "timing-digest": "daily",
        "timing-digest_at": "08:30",
        **changes,
    }


def address(scope: str, app: AppRegistration) -> str:
    return {
        "installation": reverse("policies"),
        "tenant": reverse("tenant-policy", args=[app.tenant_id]),
        "app": reverse("app-policy", args=[app.pk]),
    }[scope]


@pytest.mark.parametrize("scope", ["installation", "tenant", "app"])
def test_a_policy_is_set_and_shown(signed_in: Client, app: AppRegistration, scope: str) -> None:
    people = {"people-first": "Owner@Northpark.example\nsecond@northpark.example", "people-next": "chief@n.example"}
    answer = signed_in.post(address(scope, app), said(**people))
    assert answer.status_code == 302, answer.content.decode()
    found = policies.effective_policy(app.tenant, app)
    assert found.plan == ReminderSchedule((45, 10, 3, 0), 14, 10)
    assert found.timing.working_days == frozenset({1, 2, 3, 4, 5})
    assert str(found.timing.quiet_from) == "20:00:00"
    assert dict(Recipient.objects.values_list("email", "line")) == {
        "owner@northpark.example": Level.FIRST,
        "second@northpark.example": Level.FIRST,
        "chief@n.example": Level.NEXT,
    }
    page = signed_in.get(address(scope, app)).content.decode()
    assert "45, 10, 3, 0" in page
    assert "chief@n.example" in page


def test_what_is_not_own_is_inherited_again(signed_in: Client, app: AppRegistration) -> None:
    signed_in.post(address("app", app), said())
    signed_in.post(address("app", app), said(**{"plan-own_plan": "", "timing-has_timing": ""}))
    assert policies.effective_policy(app.tenant, app).plan == DEFAULT


def test_the_app_that_sends_keeps_its_days_however_often_they_are_saved(
    signed_in: Client, rows: Rows, app: AppRegistration
) -> None:
    Mailbox.objects.create(tenant=app.tenant, app=app, address="a@n.example", transport="graph", sends_reminders=True)
    for _time in range(2):
        signed_in.post(address("app", app), said())
        page = signed_in.get(address("app", app)).content.decode()
        assert 'value="45, 10, 3, 0"' in page
        assert "its own reminders are also sent 75 days before expiry" in page
    assert policies.effective_policy(app.tenant, app).plan.thresholds == (75, 45, 10, 3, 0)


def test_the_forecast_says_who_is_told_and_why(signed_in: Client, rows: Rows, app: AppRegistration) -> None:
    signed_in.post(address("app", app), said(**{"people-first": "owner@n.example", "people-next": "chief@n.example"}))
    page = signed_in.get(rows.credential(app, days=400).get_absolute_url()).content.decode()
    for email, why in (
        ("owner@n.example", "owner of the app"),
        ("duty@northpark.example", "contact of the tenant"),
        ("chief@n.example", "set for the app"),
        ("ada@northpark.example", "administrator here"),
    ):
        assert f'{email} <span class="sub">{why}</span>' in page
    assert f"With the reminder days of {app.name}." in page


def test_a_working_day_said_twice_is_one_day(signed_in: Client, app: AppRegistration) -> None:
    signed_in.post(address("app", app), said(**{"timing-working_days": ["1", "1"]}))
    assert policies.effective_policy(app.tenant, app).timing.working_days == frozenset({1})


def test_whoever_changes_lines_is_told_once(signed_in: Client, app: AppRegistration) -> None:
    signed_in.post(address("app", app), said(**{"people-first": "a@n.example"}))
    signed_in.post(address("app", app), said(**{"people-next": "a@n.example"}))
    assert list(Recipient.objects.values_list("email", "line")) == [("a@n.example", Level.NEXT)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plan-thresholds": "soon"}, "is not a number of days between 0 and"),
        ({"plan-thresholds": "9" * 5000}, "is not a number of days between 0 and"),
        ({"plan-thresholds": "4000"}, "is not a number of days between 0 and 3650"),
        ({"plan-thresholds": ""}, "This field is required"),
        ({"plan-repeat": "0"}, "greater than or equal to 1"),
        ({"plan-escalate": "3"}, "greater than or equal to 7"),
        ({"timing-quiet_until": ""}, "Enter both a start and an end of the quiet hours, or"),
        ({"timing-quiet_until": "20:00"}, "never end"),
        ({"timing-quiet_from": "25:00"}, "Enter a valid time"),
        ({"timing-working_days": []}, "This field is required"),
        ({"timing-has_timing": "", "timing-digest": "weekly"}, "These times apply only if the box is ticked."),
        ({"plan-own_plan": "", "plan-repeat": "13"}, "restore the previous values: 45, 10, 3, 0"),
        ({"people-first": "no-address"}, "is not an e-mail address"),
        ({"people-first": f"a@{'long.' * 55}example"}, "is too long for an e-mail address"),
        ({"people-first": "a@n.example", "people-next": "A@n.example"}, "is already a primary recipient."),
    ],
)
def test_a_mistake_is_explained_and_the_old_policy_stays(
    signed_in: Client, app: AppRegistration, changes: dict[str, object], words: str
) -> None:
    signed_in.post(address("app", app), said())
    before = policies.effective_policy(app.tenant, app)
    page = signed_in.post(address("app", app), said(**changes))
    assert page.status_code == 422
    assert words in page.content.decode()
    assert policies.effective_policy(app.tenant, app) == before
    assert not Recipient.objects.exists()
    assert Policy.objects.count() == 1


def test_a_reminder_is_put_off_and_taken_back(signed_in: Client, rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=400)
    url = reverse("credential-hold", args=[credential.pk])
    assert signed_in.get(url).status_code == 200
    day = (timezone.now() + timedelta(days=9)).date().isoformat()
    signed_in.post(url, {"kind": "ignored", "until": day, "reason": "the customer renews it"})
    (hold,) = credential.snoozes.all()
    assert (hold.kind, hold.reason, hold.by_name) == (SnoozeKind.IGNORED, "the customer renews it", "Ada")
    page = signed_in.get(credential.get_absolute_url()).content.decode()
    assert "the customer renews it" in page
    signed_in.post(reverse("credential-resume", args=[credential.pk]))
    assert Snooze.objects.get().withdrawn_at is not None


@pytest.mark.parametrize(
    ("kind", "days", "words"),
    [
        ("acknowledged", 400, "Acknowledged. Reminders resume on that day, or in the last week if that is earlier."),
        ("acknowledged", 8, "Acknowledged. Reminders resume on that day, or in the last week if that is earlier."),
        ("acknowledged", 7, "Acknowledged. Reminders continue, since it expires within a week."),
        ("acknowledged", 1, "Acknowledged. Reminders continue, since it expires within a week."),
        ("acknowledged", -3, "Acknowledged. Reminders continue, since it expires within a week."),
        ("snoozed", 400, "Snoozed. Reminders resume on that day."),
        ("snoozed", -3, "Snoozed. Reminders resume on that day."),
        ("ignored", 400, "Ignored. Reminders resume on that day."),
        ("ignored", 1, "Ignored. Reminders resume on that day."),
        ("ignored", -3, "Ignored. Reminders resume on that day."),
    ],
)
def test_page_confirms_what_was_chosen(
    signed_in: Client, rows: Rows, app: AppRegistration, kind: str, days: int, words: str
) -> None:
    credential = rows.credential(app, expires_at=timezone.now() + timedelta(days=days))
    until = (timezone.now() + timedelta(days=5)).date().isoformat()
    url = reverse("credential-hold", args=[credential.pk])
    page = signed_in.post(url, {"kind": kind, "until": until, "reason": "renewed by the customer"}, follow=True)
    assert [str(one) for one in page.context["messages"]] == [words]


def test_a_hold_without_its_reason_is_explained(signed_in: Client, rows: Rows, app: AppRegistration) -> None:
    credential = rows.credential(app, days=400)
    day = (timezone.now() + timedelta(days=9)).date().isoformat()
    page = signed_in.post(reverse("credential-hold", args=[credential.pk]), {"kind": "ignored", "until": day})
    assert "Enter a reason" in page.content.decode()
    assert not Snooze.objects.exists()
