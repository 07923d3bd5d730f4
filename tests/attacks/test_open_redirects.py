"""A sign-in and the pages around it redirect to no other site."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from django.http import HttpResponse
from django.urls import reverse

from alertadmin.accounts.models import ThrottleCounter, User
from tests.attacks.security_key import SecurityKey
from tests.attacks.test_passkeys import add, browser
from tests.attacks.test_sign_in import STEP
from tests.conftest import PASSWORD
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(121)


# Where a sign-in leads to

FOREIGN = [
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "https:evil.example",
    "http://localhost:8480@evil.example/",
    "//localhost:8480@evil.example",
    "javascript:alert(1)//",
    "https://evil.example\\@localhost:8480/",
    "http://[::1",
    "/\r\nLocation: https://evil.example",
]


def leads_to(answer: HttpResponse) -> tuple[str, str]:
    """Scheme and host, as a browser reads the address: it drops tabs and line breaks, and takes \\ for /."""
    plain = re.sub(r"[\t\r\n]", "", answer.headers["Location"].strip()).replace("\\", "/")
    parts = urlsplit(urljoin("http://localhost:8480/sign-in/", plain))
    return parts.scheme, parts.netloc


def from_the_door(user: User, key: SecurityKey, to: str) -> Any:
    query = f"?{urlencode({'next': to})}"
    return browser().post(reverse("sign-in") + query, {"username": user.email, "password": PASSWORD})


def from_the_second_step(user: User, key: SecurityKey, to: str) -> Any:
    client = browser()
    client.post(f"{reverse('sign-in')}?{urlencode({'next': to})}", {"username": user.email, "password": PASSWORD})
    options = client.get(STEP).context["js_data"]["request_options"]
    return client.post(STEP, {"credential": key.sign(options), "next": to})


def from_a_passkey(user: User, key: SecurityKey, to: str) -> Any:
    client = browser()
    options = client.get(reverse("passkey-sign-in"), headers={"Accept": "application/json"}).json()["request_options"]
    return client.post(reverse("passkey-sign-in"), {"credential": key.sign(options), "next": to})


def from_being_asked_again(user: User, key: SecurityKey, to: str) -> Any:
    client = signed_in_at(browser(), user)
    return client.post(f"{reverse('confirm')}?{urlencode({'next': to})}", {"confirm-password": PASSWORD})


def from_the_language(user: User, key: SecurityKey, to: str) -> Any:
    return signed_in_at(browser(), user).post(reverse("set_language"), {"language": "fr", "next": to})


def from_the_way_out(user: User, key: SecurityKey, to: str) -> Any:
    return signed_in_at(browser(), user).post(f"{reverse('sign-out')}?{urlencode({'next': to})}", {"next": to})


@pytest.mark.control(41)
@pytest.mark.parametrize(
    "door",
    [
        from_the_door,
        from_the_second_step,
        from_a_passkey,
        from_being_asked_again,
        from_the_language,
        from_the_way_out,
    ],
    ids=lambda one: one.__name__,
)
def test_no_door_leads_to_another_site(administrator: User, door: Callable[[User, SecurityKey, str], Any]) -> None:
    key = SecurityKey()
    if door in (from_the_second_step, from_a_passkey):
        add(administrator, key)
    for to in FOREIGN:
        ThrottleCounter.objects.all().delete()
        answer = door(administrator, key, to)
        assert answer.status_code == 302, to
        assert leads_to(answer) == ("http", "localhost:8480"), (to, answer.headers["Location"])
    assert door(administrator, key, "/secrets/").headers["Location"] in ("/secrets/", STEP, reverse("sign-in"))
