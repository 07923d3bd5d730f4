"""Sessions: how long they last, and who can list and end them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.accounts.sessions import MAX_AGE, MAX_IDLE
from tests.conftest import NOW, PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"


def come_in(user: User, browser: str = FIREFOX, address: str = "192.0.2.1") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"user-agent": browser})
    client.post(reverse("sign-in"), {"username": user.email, "password": PASSWORD})
    assert is_in(client)
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("profile")).status_code == 200


@pytest.mark.control(25)
def test_a_session_ends_when_nobody_used_it_for_a_while(administrator: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        ada = come_in(administrator)
        clock.shift(MAX_IDLE)
        assert is_in(ada)
        clock.shift(MAX_IDLE + timedelta(seconds=1))
        assert not is_in(ada)
        assert not UserSession.objects.exists()
        assert (
            "Please sign in to continue; your session may have expired."
            in ada.get(f"{reverse('sign-in')}?next=/secrets/").content.decode()
        )


@pytest.mark.control(25)
def test_a_session_ends_at_last_however_busy(administrator: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        ada = come_in(administrator)
        for _hour in range(int(MAX_AGE / timedelta(hours=1)) - 1):
            clock.shift(timedelta(hours=1))
            assert is_in(ada)
            # Something is stored in it, after which Django would let it last as long again.
            ada.post(reverse("profile"), {"name": "Ada", "time_zone": "UTC"})
        clock.shift(timedelta(hours=1, seconds=1))
        assert not is_in(ada)


@pytest.mark.control(24)
def test_signing_in_makes_a_new_session_and_signing_out_ends_it_for_whoever_kept_its_cookie(
    administrator: User,
) -> None:
    client = Client()
    client.get(reverse("passkey-sign-in"), headers={"accept": "application/json"})
    before = client.cookies["session"].value
    client.post(reverse("sign-in"), {"username": administrator.email, "password": PASSWORD})
    after = client.cookies["session"].value
    assert before != after
    assert not Session.objects.filter(session_key=before).exists()
    client.post(reverse("sign-out"))
    client.cookies["session"] = after
    assert not is_in(client)


@pytest.mark.control(24)
def test_a_person_who_is_switched_off_is_out_at_the_next_request(administrator: User) -> None:
    ada = come_in(administrator)
    User.objects.update(is_active=False)
    assert not is_in(ada)


def test_they_are_listed_with_browser_address_and_times(administrator: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        come_in(administrator, EDGE, "203.0.113.7")
        clock.shift(timedelta(minutes=30))
        page = come_in(administrator).get(reverse("security")).content.decode()
    assert page.index("Firefox on Linux") < page.index("(this one)") < page.index("Edge on Windows")
    assert "203.0.113.7" in page
    assert "30 minutes ago" in page


def test_one_is_ended_and_the_others_go_on(administrator: User) -> None:
    mine, lost, other = (come_in(administrator, address=f"192.0.2.{number}") for number in range(3))
    row = UserSession.objects.get(session_key=lost.cookies["session"].value)
    assert mine.post(reverse("session-end", args=[row.pk])).headers["Location"] == reverse("security")
    assert [is_in(client) for client in (mine, lost, other)] == [True, False, True]
    mine.post(reverse("sessions-end"))
    assert [is_in(client) for client in (mine, lost, other)] == [True, False, False]


@pytest.mark.control(28)
def test_nobody_ends_another_person_s(administrator: User) -> None:
    ada = come_in(administrator)
    bob = come_in(User.objects.create_user("bob@northpark.example", PASSWORD))
    row = UserSession.objects.get(user=administrator)
    assert bob.post(reverse("session-end", args=[row.pk])).status_code == 404
    bob.post(reverse("sessions-end"))
    assert is_in(ada)


def test_being_seen_is_written_once_a_minute(administrator: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        ada = come_in(administrator)
        clock.shift(timedelta(seconds=59))
        assert is_in(ada)
        assert UserSession.objects.get().last_seen_at == NOW
        clock.shift(timedelta(seconds=2))
        assert is_in(ada)
        assert UserSession.objects.get().last_seen_at == NOW + timedelta(seconds=61)
