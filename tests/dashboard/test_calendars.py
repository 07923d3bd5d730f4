"""Calendars to subscribe to: the pages of their owner, and the address that needs no sign-in."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as configured
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from alertadmin.accounts.models import User
from alertadmin.registry.models import AppRegistration, Credential, Mailbox
from alertadmin.reminders.models import CalendarFeed, Policy
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.operator_log.lines import logged
from tests.reminders.calendar import ical_lint


def path_in(page: HttpResponse) -> str:
    """That of the address which the page shows."""
    found = re.search(rf'data-copy="{re.escape(configured.PUBLIC_URL)}(/calendar/[\w-]+\.ics)"', page.content.decode())
    assert found is not None
    return found[1]


def subscribed(signed_in: Client, **chosen: Any) -> str:
    return path_in(signed_in.post(reverse("calendars"), chosen))  # type: ignore[arg-type]


def fetched(path: str, **options: Any) -> Any:
    """By a program that has no cookie."""
    return Client().get(path, **options)


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def events(response: Any) -> list[Any]:
    return list(Calendar.from_ical(content(response)).walk("VEVENT"))


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant("Northpark"))


def later(days: float) -> Any:
    return timezone.now() + timedelta(days=days)


def test_an_address_shows_each_end_to_a_program_that_cannot_sign_in(
    signed_in: Client, rows: Rows, app: AppRegistration
) -> None:
    current = rows.credential(app, expires_at=later(20))
    waiting = rows.credential(app, expires_at=later(700), state="next")
    rows.credential(app, expires_at=later(5), state="retired")
    gone = rows.credential(rows.app(app.tenant, "Gone"), expires_at=later(-60))
    rows.credential(rows.app(app.tenant, "Long gone"), expires_at=later(-91))
    box = Mailbox.objects.create(tenant=app.tenant, app=app, address="a@x.example", transport="ews")
    Mailbox.objects.create(tenant=app.tenant, app=app, address="b@x.example", transport="graph")
    response = fetched(subscribed(signed_in))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert not response.cookies
    written = content(response)
    assert set(ical_lint.values(written, "UID")) == {str(one.pk) for one in (current, waiting, gone, box)}
    assert ical_lint.values(written, "DTSTART") == sorted(ical_lint.values(written, "DTSTART"))
    assert ical_lint.values(written, "METHOD") == ["PUBLISH"]


@pytest.mark.control(29)
def test_that_of_one_tenant_shows_that_tenant_alone(signed_in: Client, rows: Rows, app: AppRegistration) -> None:
    mine = rows.credential(app, expires_at=later(20))
    rows.credential(rows.app(rows.tenant("Lakeside")), expires_at=later(20))
    written = content(fetched(subscribed(signed_in, tenant=str(app.tenant_id))))
    assert ical_lint.values(written, "UID") == [str(mine.pk)]
    assert ical_lint.values(written, "NAME") == ["Expiry dates of “Northpark”"]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("30,1,0/7/14", "alarms: 30, 1 days before and at expiry"),
        ("1,0/7/14", "alarms: 1 day before and at expiry"),
        ("30,14/7/14", "alarms: 30, 14 days before<"),
        ("0/7/14", "alarm at expiry"),
    ],
)
def test_its_page_says_in_words_when_it_rings(signed_in: Client, rows: Rows, plan: str, words: str) -> None:
    Policy.objects.create(plan=plan)
    for days in range(7):
        rows.credential(days=400 + days)
    page = signed_in.post(reverse("calendars")).content.decode()
    assert words in page
    assert "And 2 more." in page


def test_its_alarms_are_those_of_the_policy_in_force(signed_in: Client, rows: Rows, app: AppRegistration) -> None:
    rows.credential(app, expires_at=later(20))
    path = subscribed(signed_in)
    Policy.objects.create(tenant=app.tenant, plan="25,5,2/7/7")
    (event,) = events(fetched(path))
    assert [-one["TRIGGER"].dt.days for one in event.walk("VALARM")] == [25, 5, 2]


def test_it_speaks_its_owner_s_language(
    signed_in: Client, administrator: User, rows: Rows, app: AppRegistration
) -> None:
    rows.credential(app, expires_at=later(20))
    path = subscribed(signed_in)
    User.objects.update(language="fr")
    (event,) = events(fetched(path))
    title = event["SUMMARY"].replace("\u00a0", " ")
    assert title == "Le secret client de « ALERT » (« Northpark ») expire"


def test_its_page_speaks_its_viewer_s(signed_in: Client, administrator: User) -> None:
    page = signed_in.post(reverse("calendars"), {}, headers={"accept-language": "fr"}).content.decode()
    assert "<h1>Expirations des secrets et certificats</h1>" in page


def test_an_end_that_moves_is_the_same_entry_under_a_higher_number(
    signed_in: Client, rows: Rows, app: AppRegistration
) -> None:
    credential = rows.credential(app, expires_at=later(20))
    path = subscribed(signed_in)
    (before,) = events(fetched(path))
    credential.expires_at = later(400)
    credential.save()
    (after,) = events(fetched(path))
    assert (before["UID"], before["SEQUENCE"], after["SEQUENCE"]) == (after["UID"], 0, 1)
    assert after["DTSTAMP"].dt > before["DTSTAMP"].dt - timedelta(seconds=1)


class TestWhoeverComesAgain:
    def test_is_told_that_nothing_changed(self, signed_in: Client, rows: Rows, app: AppRegistration) -> None:
        credential = rows.credential(app, expires_at=later(20))
        path = subscribed(signed_in)
        first = fetched(path)
        again = fetched(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        Credential.objects.filter(pk=credential.pk).update(description="another name")
        changed = fetched(path, headers={"If-None-Match": first.headers["ETag"]})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != first.headers["ETag"]

    def test_gets_the_same_bytes_while_nothing_changes(
        self, signed_in: Client, rows: Rows, app: AppRegistration
    ) -> None:
        rows.credential(app, expires_at=later(20))
        path = subscribed(signed_in)
        assert content(fetched(path)) == content(fetched(path))

    def test_may_ask_for_the_headers_alone(self, signed_in: Client, rows: Rows, app: AppRegistration) -> None:
        rows.credential(app, expires_at=later(20))
        path = subscribed(signed_in)
        answer = Client().head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["ETag"] == fetched(path).headers["ETag"]

    def test_is_written_down_once_an_hour(self, signed_in: Client) -> None:
        path = subscribed(signed_in)
        fetched(path)
        first = CalendarFeed.objects.get().fetched_at
        assert first is not None
        fetched(path)
        assert CalendarFeed.objects.get().fetched_at == first
        CalendarFeed.objects.update(fetched_at=first - timedelta(hours=2))
        fetched(path)
        assert CalendarFeed.objects.get().fetched_at >= first  # type: ignore[operator]


class TestAnAddressThatIsNotGood:
    def test_of_a_calendar_that_was_revoked(self, signed_in: Client) -> None:
        path = subscribed(signed_in)
        feed = CalendarFeed.objects.get()
        signed_in.post(reverse("calendar-revoke", args=[feed.pk]))
        assert fetched(path).status_code == 404
        assert "revoked" in signed_in.get(feed.get_absolute_url()).content.decode()
        assert signed_in.post(reverse("calendar-renew", args=[feed.pk])).status_code == 404

    def test_that_was_renewed(self, signed_in: Client) -> None:
        old = subscribed(signed_in)
        new = path_in(signed_in.post(reverse("calendar-renew", args=[CalendarFeed.objects.get().pk])))  # type: ignore[arg-type]
        assert fetched(old).status_code == 404
        assert fetched(new).status_code == 200

    def test_of_somebody_who_may_not_sign_in_any_more(self, signed_in: Client) -> None:
        path = subscribed(signed_in)
        User.objects.update(is_active=False)
        assert fetched(path).status_code == 404
        User.objects.update(is_active=True)
        assert fetched(path).status_code == 200

    def test_is_told_from_another_by_nothing(self, signed_in: Client) -> None:
        revoked = subscribed(signed_in)
        CalendarFeed.objects.update(revoked_at=timezone.now())
        answers, costs = [], []
        for path in (revoked, "/calendar/x.ics", f"/calendar/{'é' * 300}.ics"):
            with CaptureQueriesContext(connection) as queries:
                answer = fetched(path)
            answer.headers.pop("X-Request-ID")
            answers.append((answer.status_code, answer.content, sorted(answer.headers.items())))
            costs.append(len(queries))
        assert answers[0] == answers[1] == answers[2]
        assert costs == [1, 1, 1]
        assert answers[0][0] == 404


@pytest.mark.control(28)
def test_another_s_calendars_are_nobody_s_business(signed_in: Client, rows: Rows) -> None:
    subscribed(signed_in)
    feed = CalendarFeed.objects.get()
    stranger = signed_in_at(Client(), User.objects.create(email="bob@northpark.example"))
    assert "All tenants" not in re.sub(r"<form.*", "", stranger.get(reverse("calendars")).content.decode(), flags=re.S)
    assert stranger.get(feed.get_absolute_url()).status_code == 404
    stranger.post(reverse("calendar-revoke", args=[feed.pk]))
    assert CalendarFeed.objects.get().revoked_at is None
    assert stranger.post(reverse("calendar-renew", args=[feed.pk])).status_code == 404


def test_the_address_is_shown_once_and_kept_nowhere(signed_in: Client) -> None:
    path = subscribed(signed_in)
    token = path.removeprefix("/calendar/").removesuffix(".ics")
    assert len(token) >= 43  # 256 bits
    feed = CalendarFeed.objects.get()
    for page in (reverse("calendars"), feed.get_absolute_url()):
        assert token not in signed_in.get(page).content.decode()
    assert token not in str(vars(feed))
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        assert token not in str(cursor.fetchall())


@pytest.mark.control(3)
def test_no_log_holds_a_token(signed_in: Client, caplog: pytest.LogCaptureFixture) -> None:
    path = subscribed(signed_in)
    CalendarFeed.objects.update(revoked_at=timezone.now())
    with logged(logging.DEBUG) as ours, logged(logging.DEBUG, "django.request") as djangos:
        fetched(path)
        Client(enforce_csrf_checks=True).post(path)
    written = "\n".join(ours.text + ours.json + djangos.text + djangos.json)
    assert "/calendar/….ics" in ours.text[0]
    assert "/calendar/….ics" in djangos.text[0]
    assert path not in written


def test_there_is_an_end_to_how_many_one_person_has(signed_in: Client, administrator: User) -> None:
    CalendarFeed.objects.bulk_create(
        CalendarFeed(owner=administrator, digest=str(number), created_at=timezone.now()) for number in range(50)
    )
    page = signed_in.post(reverse("calendars"), {})
    assert page.status_code == 422
    assert "Revoke one first" in page.content.decode()
    assert CalendarFeed.objects.count() == 50


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_ends_cost_as_many_questions_as_one(
    signed_in: Client, rows: Rows, app: AppRegistration, count: int
) -> None:
    rows.credential(app, expires_at=later(20))
    path = subscribed(signed_in)
    fetched(path)
    with CaptureQueriesContext(connection) as one:
        etag = fetched(path).headers["ETag"]
    apps = AppRegistration.objects.bulk_create(
        [AppRegistration(tenant=app.tenant, name=f"app {number}", client_id=str(uuid4())) for number in range(count)],
        batch_size=500,
    )
    Credential.objects.bulk_create(
        [Credential(app=one, expires_at=later(30 + number / 10)) for number, one in enumerate(apps)], batch_size=500
    )
    with CaptureQueriesContext(connection) as many:
        response = fetched(path)
        pieces = iter(response.streaming_content)
        first = next(pieces)
    assert len(many) == len(one) <= 8
    assert response.headers["ETag"] != etag
    assert first.count(b"BEGIN:VEVENT") < 300
    response.close()
