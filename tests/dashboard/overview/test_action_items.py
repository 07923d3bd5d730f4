"""Action items of the overview: every kind, most urgent first, each with its action and a link to the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.dashboard.overview.action_items import SHOWN, ActionItem, find_action_items
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.models import Consent, Mailbox
from alertadmin.reminders.scan import scanner
from tests.conftest import NOW
from tests.factories import Rows
from tests.helpers.access import everything


def states(now: datetime = NOW) -> list[tuple[str, str]]:
    return [(need.badge.colour, need.state) for need in find_action_items(now, everything())]


def only() -> ActionItem:
    (need,) = find_action_items(NOW, everything())
    return need


def test_nothing_is_needed_of_who_has_nothing_due(administrator: User, rows: Rows) -> None:
    rows.credential(days=61)
    assert find_action_items(NOW, everything()) == []


def test_a_secret_that_ends_says_what_stops_who_was_told_and_leads_to_its_replacement(
    administrator: User, rows: Rows
) -> None:
    tenant = rows.tenant("Northpark", contacts=["a@x.example", "b@x.example"])
    credential = rows.credential(rows.app(tenant, "ALERT"), days=-3, description="relay")
    assert only().detail == "relay · mail through it is stopped · not notified yet"
    scanner.run(NOW)
    Delivery.objects.update(state="sent")
    need = only()
    assert (need.badge.colour, need.state, need.what) == ("danger", "expired 3 days ago", "Northpark / ALERT")
    assert need.detail.endswith("3 recipients notified")
    assert need.act_url == reverse("credential-replace", args=[credential.pk])
    assert need.url == credential.get_absolute_url()


def test_of_a_secret_that_ends_it_says_how_many_people_were_told(rows: Rows) -> None:
    people = ["a@north.example", "b@north.example"]
    rows.credential(rows.app(rows.tenant("North", people)), days=5)
    rows.credential(rows.app(rows.tenant("South", ["c@south.example"])), days=10)
    for at in (NOW, NOW + timedelta(days=3)):
        scanner.run(at)
    Delivery.objects.filter(recipient__in=people).update(state=DeliveryState.SENT)
    assert [need.detail for need in find_action_items(NOW, everything())] == [
        "alert · 2 recipients notified",
        "alert · not notified yet",
    ]


def test_the_reddest_comes_first_and_one_that_is_superseded_not_at_all(administrator: User, rows: Rows) -> None:
    for days in (30, 6, -1):
        rows.credential(days=days)
    rows.credential(days=1, state="retired")
    rows.credential(days=1, state="next")
    rows.credential(days=2, state="other")
    assert states() == [
        ("danger", "expired 1 day ago"),
        ("danger", "expires in 1 day"),
        ("danger", "expires in 2 days"),
        ("danger", "expires in 6 days"),
        ("warning", "expires in 30 days"),
    ]


def test_what_is_red_comes_before_what_is_not_whatever_its_kind(administrator: User, rows: Rows) -> None:
    rows.credential(days=30)
    Delivery.objects.create(purpose="reminder", dedupe_key="f", recipient="a@x.example", state="failed", created_at=NOW)
    assert states() == [("danger", "Failed"), ("warning", "expires in 30 days")]


def test_more_than_are_shown_are_counted_on_a_last_line(administrator: User, rows: Rows) -> None:
    for days in range(SHOWN + 5):
        rows.credential(days=20 + days)
    found = find_action_items(NOW, everything())
    assert len(found) == SHOWN + 1
    assert found[-1].what == "5 more secrets expire soon"
    assert found[-1].url == f"{reverse('credentials')}?ends=60&state=watched"


def test_a_tenant_whose_reminders_reach_nobody_is_one_line(rows: Rows) -> None:
    tenant = rows.tenant("Lonely")
    for _secret in range(2):
        rows.credential(rows.app(tenant), days=3)
    lonely = [need for need in find_action_items(NOW, everything()) if need.state == "no recipient"]
    assert [(need.what, need.act_url) for need in lonely] == [("Lonely", reverse("tenant-edit", args=[tenant.pk]))]
    rows.tenant("Other", contacts=["a@x.example"])
    User.objects.create_superuser("admin@x.example")
    assert not [need for need in find_action_items(NOW, everything()) if need.state == "no recipient"]


def consent(rows: Rows, status: str, *, cause: str = "") -> Consent:
    app = rows.app()
    return Consent.objects.create(
        app=app, tenant=app.tenant, permission="Mail.Send", status=status, cause=cause, checked_at=NOW
    )


@pytest.mark.parametrize(("status", "cause"), [("granted", ""), ("unknown", ""), ("error", "secret_expired")])
def test_a_consent_that_stands_or_was_never_checked_or_whose_secret_ended_is_no_line(
    administrator: User, rows: Rows, status: str, cause: str
) -> None:
    consent(rows, status, cause=cause)
    assert find_action_items(NOW, everything()) == []


def test_missing_consent_is_one_line_for_an_app_and_tenant(administrator: User, rows: Rows) -> None:
    first = consent(rows, "not_in_token", cause="role_missing")
    Consent.objects.create(app=first.app, tenant=first.tenant, permission="SMTP.SendAsApp", status="not_in_token")
    failed = consent(rows, "error", cause="tenant_not_found")
    by_url = {need.act_url: need for need in find_action_items(NOW, everything())}
    assert len(by_url) == len(find_action_items(NOW, everything())) == 2
    missing = by_url[f"{first.app.get_absolute_url()}#consent"]
    assert (missing.state, missing.detail) == ("no consent", "Mail.Send, SMTP.SendAsApp")
    broken = by_url[f"{failed.app.get_absolute_url()}#consent"]
    assert (broken.state, broken.detail) == ("consent unclear", "The tenant does not exist · Mail.Send")


def test_more_apps_without_consent_than_are_shown_are_one_link_away(administrator: User, rows: Rows) -> None:
    for _app in range(SHOWN + 1):
        consent(rows, "not_in_token")
    found = find_action_items(NOW, everything())
    assert len(found) == SHOWN + 1
    assert found[-1].url == f"{reverse('consents')}?status=missing"


def test_a_reminder_that_failed_is_red_and_one_that_is_uncertain_is_not(administrator: User, db: None) -> None:
    for state, purpose, age in (
        ("failed", "reminder", 1),
        ("uncertain", "reminder", 2),
        ("failed", "test", 1),
        ("failed", "reminder", 15),
        ("sent", "reminder", 1),
    ):
        Delivery.objects.create(
            purpose=purpose,
            dedupe_key=f"{state} {purpose} {age}",
            recipient=f"{state}@x.example",
            state=state,
            created_at=NOW - timedelta(days=age),
        )
    assert [(need.badge.colour, need.what) for need in find_action_items(NOW, everything())] == [
        ("danger", "failed@x.example"),
        ("warning", "uncertain@x.example"),
    ]


def test_more_that_went_wrong_than_are_shown_are_one_link_away_whatever_they_were_for(
    signed_in: Client, rows: Rows
) -> None:
    for number, purpose in enumerate(["test", "reminder", "calendar", *["house"] * SHOWN]):
        Delivery.objects.create(
            purpose=purpose, dedupe_key=str(number), recipient=f"{purpose}@x.example", state="failed", created_at=NOW
        )
    page = signed_in.get(find_action_items(NOW, everything())[-1].url).content.decode()
    assert {name for name in ("test", "reminder", "calendar", "house") if f"{name}@x.example" in page} == {
        "reminder",
        "calendar",
        "house",
    }


def test_mailboxes_that_send_by_ews_are_counted_but_not_those_on_premises(administrator: User, rows: Rows) -> None:
    app = rows.app()
    for number in range(3):
        Mailbox.objects.create(tenant=app.tenant, app=app, address=f"{number}@x.example", transport="ews")
    Mailbox.objects.create(tenant=app.tenant, address="p@x.example", transport="ews", server="plant")
    need = only()
    assert (need.badge.colour, need.state, need.what) == (
        "warning",
        "EWS off in 128 days",
        "3 mailboxes still send by EWS",
    )
    assert [need.state for need in find_action_items(datetime(2027, 4, 1, 12, tzinfo=NOW.tzinfo), everything())] == [
        "EWS is off"
    ]


def test_the_overview_says_when_there_is_nothing_to_do_and_what_is_next(signed_in: Client, rows: Rows) -> None:
    rows.credential(expires_at=datetime(2098, 5, 1, 12, tzinfo=NOW.tzinfo))
    text = signed_in.get(reverse("overview")).content.decode()
    assert "Nothing to do." in text
    assert "Next expiry date: 1 May 2098, 14:00 CEST." in text


def test_the_overview_of_a_new_installation_offers_the_first_step(signed_in: Client) -> None:
    text = signed_in.get(reverse("overview")).content.decode()
    assert "Nothing is monitored yet." in text
    assert f'href="{reverse("guide")}"' in text
