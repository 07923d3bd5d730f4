"""Guessing is slow, from any number of networks and threads, and locks no account permanently."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.core.context import request_context
from django.contrib.auth.signals import user_login_failed
from django.db import connection
from django.test import Client, RequestFactory

from alertadmin.accounts.models import ThrottleCounter, User
from alertadmin.accounts.throttling import NETWORK, PASSWORD, PASSWORD_FROM_BUSY_NETWORK, WINDOW, Throttled, throttle
from alertadmin.dashboard.auth.forms import SignInForm
from tests.conftest import NOW

EMAIL, RIGHT = "ada@northpark.example", "correct horse battery staple"
DOOR = "/sign-in/"


@pytest.fixture
def looked_at() -> Iterator[list[Any]]:
    """Each wrong password that was compared with the stored one."""
    seen: list[Any] = []

    def see(credentials: dict[str, Any], **_signal: Any) -> None:
        seen.append(credentials)

    user_login_failed.connect(see)
    yield seen
    user_login_failed.disconnect(see)


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_superuser(EMAIL, RIGHT)


def tried(client: Client, password: str = "wrong password", email: str = EMAIL, address: str = "192.0.2.1") -> int:
    return client.post(DOOR, {"username": email, "password": password}, REMOTE_ADDR=address).status_code


@pytest.mark.control(20)
@pytest.mark.django_db(transaction=True)
def test_of_a_thousand_wrong_passwords_from_eight_threads_no_more_are_looked_at_than_the_limit_says(
    ada: User, looked_at: list[Any]
) -> None:
    known = Client()
    assert tried(known, RIGHT) == 302
    known.post("/sign-out/")

    def attack(thread: int) -> int:
        """How many of its tries were not looked at."""
        request = RequestFactory().post(DOOR, REMOTE_ADDR=f"198.51.100.{thread}")
        form = {"username": EMAIL, "password": "wrong password"}
        try:
            with request_context(request):
                return sum(SignInForm(request, form).has_error("__all__", "throttled") for _number in range(125))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attack, range(8))) == 1000 - PASSWORD.most
    assert len(looked_at) == PASSWORD.most
    # The right user: not by an unknown browser, but by one that has signed in before.
    assert tried(Client(), RIGHT, address="203.0.113.1") == 429
    assert tried(known, RIGHT, address="203.0.113.1") == 302


@pytest.mark.control(20)
def test_the_right_person_gets_in_by_any_browser_after_a_while(client: Client, ada: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        assert [tried(client) for _number in range(PASSWORD.most + 1)][-2:] == [200, 429]
        clock.shift(WINDOW - timedelta(seconds=1))
        assert tried(client, RIGHT) == 429
        clock.shift(1)
        assert tried(client, RIGHT) == 302


@pytest.mark.control(20, 21)
def test_an_account_that_is_not_here_is_limited_alike(client: Client, ada: User) -> None:
    def answers(email: str, addresses: str) -> list[tuple[int, str]]:
        told = []
        for number in range(PASSWORD.most + 2):
            page = Client().post(DOOR, {"username": email, "password": "x"}, REMOTE_ADDR=f"{addresses}{number}")
            told.append((page.status_code, str(page.context["form"].non_field_errors())))
        return told

    assert answers(EMAIL, "192.0.2.") == answers("unknown@x.example", "198.51.100.")


@pytest.mark.control(20)
def test_a_known_browser_has_tries_of_its_own_and_they_end_too(client: Client, ada: User) -> None:
    assert tried(client, RIGHT) == 302
    client.post("/sign-out/")
    assert [tried(client) for _number in range(PASSWORD.most + 1)] == [200] * PASSWORD.most + [429]
    assert tried(Client()) == 200
    # Nor is it known for anybody else.
    assert [tried(client, email="eve@x.example") for _n in range(PASSWORD.most + 1)][-1] == 429


@pytest.mark.control(20)
def test_signing_in_wins_a_guesser_no_tries(client: Client, ada: User) -> None:
    """A guesser's own account does not refill what their network may guess of others."""
    own = User.objects.create_user("eve@x.example", RIGHT)
    for number in range(NETWORK.most):
        assert tried(Client(), email=f"{number}@x.example") == 200
        if not number % 20:
            assert tried(Client(), RIGHT, email=own.email) == 302
    assert [tried(Client()) for _number in range(PASSWORD_FROM_BUSY_NETWORK.most + 1)] == [
        200
    ] * PASSWORD_FROM_BUSY_NETWORK.most + [429]


@pytest.mark.control(20)
def test_a_made_up_browser_s_name_is_worth_nothing(ada: User) -> None:
    client = Client()
    client.cookies["browser"] = "eyJhZGEiOiJ4In0:1vO:x"
    assert [tried(client) for _number in range(PASSWORD.most + 1)][-1] == 429


def test_what_was_typed_as_an_address_is_not_kept(db: None) -> None:
    """It may have been the password."""
    request = RequestFactory().post(DOOR)
    for _number in range(PASSWORD.most):
        throttle(request, RIGHT, now=NOW)
    assert all(RIGHT not in row.key and len(row.key) == 64 for row in ThrottleCounter.objects.all())
    with pytest.raises(Throttled, match="Try again in 15 minutes"):
        throttle(request, RIGHT, now=NOW)
