"""Item 15: one client cannot lock out others in its network, and guessing from it stays slow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.signals import user_login_failed
from django.test import Client, RequestFactory
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.accounts.throttling import (
    NETWORK,
    NETWORK_DAY,
    PASSWORD,
    PASSWORD_FROM_BUSY_NETWORK,
    PASSWORD_FROM_GUESSING_NETWORK,
    WINDOW,
    Throttled,
    throttle,
)
from tests.conftest import NOW

pytestmark = [pytest.mark.control(20, 89), pytest.mark.postgresql]

RIGHT = "correct horse battery staple"
SHARED: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "one address": (0, {"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "203.0.113.9"}),
    "a proxy that is not known of": (
        0,
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"},
    ),
    "one address behind a proxy": (
        1,
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"},
    ),
    "one /64": (0, {"REMOTE_ADDR": "2001:db8::1"}, {"REMOTE_ADDR": "2001:db8::ffff:2"}),
    "a socket": (0, {"REMOTE_ADDR": ""}, {"REMOTE_ADDR": ""}),
}
"""Proxies that are known of, where the attacker comes from, and where the honest person does."""


@pytest.fixture
def compared(db: None) -> Iterator[list[str]]:
    """The accounts whose password was compared with a wrong one."""
    seen: list[str] = []

    def see(credentials: dict[str, Any], **_signal: Any) -> None:
        seen.append(str(credentials["username"]))

    user_login_failed.connect(see)
    yield seen
    user_login_failed.disconnect(see)


@pytest.fixture
def people(db: None) -> list[User]:
    return [User.objects.create_user(f"person{number}@northpark.example", RIGHT) for number in range(5)]


def tried(account: str, password: str, **meta: Any) -> int:
    """By a browser that is not known."""
    return Client().post("/sign-in/", {"username": account, "password": password}, **meta).status_code


@pytest.mark.parametrize("shared", SHARED)
def test_15_wrong_tries_shut_out_no_other_person_there(settings: Settings, people: list[User], shared: str) -> None:
    settings.PROXIES, attacker, honest = SHARED[shared]
    with time_machine.travel(NOW, tick=False):
        for number in range(NETWORK.most + 20):
            tried(f"made-up{number}@x.example", "wrong password", **attacker)
        for person in people:
            assert tried(person.email, "a typing mistake", **honest) == 200
            assert tried(person.email, RIGHT, **honest) == 302


def test_15_guessing_from_one_network_gets_slower(db: None) -> None:
    """For twelve hours, as many tries of ten accounts as are let."""
    hours, accounts = 12, [f"person{number}@northpark.example" for number in range(10)]
    request = RequestFactory().post("/sign-in/", REMOTE_ADDR="203.0.113.9")
    let = [0] * hours
    for hour in range(hours):
        for part in range(4):
            for account in accounts:
                with contextlib.suppress(Throttled):
                    for _again in range(PASSWORD.most):
                        throttle(request, account, now=NOW + timedelta(hours=hour) + part * WINDOW)
                        let[hour] += 1
    assert let[0] <= 4 * (NETWORK.most + len(accounts) * PASSWORD_FROM_BUSY_NETWORK.most)
    assert sum(let) <= NETWORK_DAY.most + hours * len(accounts) * PASSWORD_FROM_GUESSING_NETWORK.most
    assert let[-1] == len(accounts) * PASSWORD_FROM_GUESSING_NETWORK.most


def test_15_a_busy_network_gets_few_tries_of_each_account(people: list[User], compared: list[str]) -> None:
    with time_machine.travel(NOW, tick=False):
        for number in range(NETWORK.most):
            tried(f"made-up{number}@x.example", "wrong password")
        compared.clear()
        answers = [tried(people[0].email, "wrong password") for _again in range(10)]
    assert answers == [200] * PASSWORD_FROM_BUSY_NETWORK.most + [429] * (10 - PASSWORD_FROM_BUSY_NETWORK.most)
    assert len(compared) == PASSWORD_FROM_BUSY_NETWORK.most
    assert tried(people[0].email, RIGHT, REMOTE_ADDR="198.51.100.1") == 302, "elsewhere it is another matter"


def test_15_the_account_s_own_limit_holds_over_all_networks(people: list[User], compared: list[str]) -> None:
    with time_machine.travel(NOW, tick=False):
        for number in range(50):
            tried(people[0].email, "wrong password", REMOTE_ADDR=f"198.51.100.{number}")
    assert len(compared) == PASSWORD.most
