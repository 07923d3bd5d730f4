"""Sign-in: by password, by the first administrator's link, and back to the requested page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.accounts.roles import Role
from tests.conftest import NOW, PASSWORD

pytestmark = pytest.mark.usefixtures("no_factor_asked")
FIRST = {"email": "Grace@NorthPark.example", "name": "Grace", "time_zone": "Europe/Paris", "password": PASSWORD}


def sign_in(client: Client, email: str, password: str = PASSWORD, query: str = "") -> str:
    """Where it leads, or the page that says why it does not."""
    response = client.post(f"{reverse('sign-in')}{query}", {"username": email, "password": password})
    return response.headers.get("Location") or response.content.decode()


def is_in(client: Client) -> bool:
    return client.get(reverse("overview")).status_code == 200


def test_an_address_and_its_password_lead_in(client: Client, administrator: User) -> None:
    assert sign_in(client, f" {administrator.email} ") == "/"
    assert is_in(client)


@pytest.mark.control(21)
def test_a_wrong_password_and_an_unknown_address_are_told_alike(client: Client, administrator: User) -> None:
    words = "This e-mail address and password do not match."
    for email, password in ((administrator.email, "wrong"), ("unknown@x.example", PASSWORD)):
        page = sign_in(client, email, password)
        assert words in page
        assert password not in page
    assert not is_in(client)


def test_an_account_that_is_switched_off_stays_out(client: Client, administrator: User) -> None:
    User.objects.update(is_active=False)
    # Not told that it exists: that would tell a guesser too.
    assert "do not match" in sign_in(client, administrator.email)
    assert not is_in(client)


@pytest.mark.control(24)
def test_switching_an_account_off_ends_its_sessions(signed_in: Client) -> None:
    User.objects.update(is_active=False)
    assert signed_in.get(reverse("overview")).status_code == 302


def test_signing_in_leads_to_the_page_that_was_asked_for(client: Client, administrator: User) -> None:
    asked = client.get("/secrets/?ends=7&q=a%26b").headers["Location"]
    assert asked == "/sign-in/?next=/secrets/%3Fends%3D7%26q%3Da%2526b"
    assert "Please sign in to continue; your session may have expired." in client.get(asked).content.decode()
    query = "?" + asked.partition("?")[2]
    assert sign_in(client, administrator.email, "wrong", query).lstrip().startswith("<!DOCTYPE")
    assert sign_in(client, administrator.email, query=query) == "/secrets/?ends=7&q=a%26b"


@pytest.mark.control(41)
@pytest.mark.parametrize(
    "foreign",
    [
        "//evil.example",
        "https://evil.example/",
        "///evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http:evil",
    ],
)
def test_it_never_leads_to_another_site(client: Client, administrator: User, foreign: str) -> None:
    assert sign_in(client, administrator.email, query=f"?next={foreign}") == "/"
    assert client.get(reverse("sign-in"), {"next": foreign}).headers["Location"] == "/"


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page_and_says_that_nothing_was_stored(
    client: Client, administrator: User
) -> None:
    client.force_login(administrator)
    Session.objects.all().delete()
    act = reverse("test-send", args=[uuid4()])
    page = "http://testserver/mailboxes/1/?x=1"
    response = client.post(act, {"recipient": "a@x.example"}, headers={"referer": page})
    door = response.headers["Location"]
    assert door == "/sign-in/?next=/mailboxes/1/%3Fx%3D1&lost=1"
    assert "Your session had expired, so your entries were not saved." in client.get(door).content.decode()
    assert sign_in(client, administrator.email, query="?" + door.partition("?")[2]) == "/mailboxes/1/?x=1"


@pytest.mark.control(41)
@pytest.mark.parametrize("came_from", ["", "https://evil.example/x", "//evil.example", "nonsense", "http://[x"])
def test_a_form_from_who_knows_where_leads_back_to_the_overview(client: Client, db: None, came_from: str) -> None:
    response = client.post(reverse("register"), headers={"referer": came_from} if came_from else None)
    assert response.headers["Location"] == "/sign-in/?lost=1"


def test_a_part_of_a_page_is_not_replaced_by_the_door(client: Client, db: None) -> None:
    headers = {"hx-request": "true", "referer": "http://testserver/secrets/?q=x"}
    response = client.get(reverse("credentials"), headers=headers)
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["HX-Redirect"] == "/sign-in/?next=/secrets/%3Fq%3Dx"


def test_an_act_s_address_leads_to_the_page_of_its_button(signed_in: Client) -> None:
    key = uuid4()
    for act, page in (
        ("test-send", "mailbox"),
        ("consent-check", "app"),
        ("credential-promote", "credential"),
        ("delivery-hasten", "delivery"),
    ):
        assert signed_in.get(reverse(act, args=[key])).headers["Location"] == reverse(page, args=[key])
        assert signed_in.put(reverse(act, args=[key])).status_code == 405


@pytest.mark.control(34)
def test_signing_out_is_posted(signed_in: Client) -> None:
    assert signed_in.get(reverse("sign-out")).headers["Location"] == "/"
    assert is_in(signed_in)
    assert signed_in.post(reverse("sign-out")).headers["Location"] == reverse("sign-in")
    assert not is_in(signed_in)


@pytest.mark.control(22)
def test_the_first_administrator_s_link_works_once_and_signs_in(client: Client, db: None) -> None:
    url = reverse("first-administrator", args=[FirstAdministratorLink.make(NOW)])
    assert "This link works once" in client.get(url).content.decode()
    assert client.post(url, FIRST).headers["Location"] == "/"
    assert is_in(client)
    user = User.objects.get()
    assert user.email == "Grace@northpark.example"
    assert [(one.role, one.tenant) for one in user.memberships.all()] == [(Role.OWNER, None)]
    for again in (Client().get(url), Client().post(url, {**FIRST, "email": "eve@x.example"})):
        assert again.status_code == 404
        assert "This link no longer works" in again.content.decode()


@pytest.mark.control(18)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "hush-hush"}, "This password is too short."),
        ({"password": "grace@northpark.example"}, "The password is too similar to the"),
        ({"password": "passwordpassword"}, ""),
        ({"email": "unknown"}, "This is not an e-mail address."),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
    ],
)
def test_a_mistake_at_the_door_uses_nothing_up(client: Client, db: None, changes: dict[str, str], words: str) -> None:
    url = reverse("first-administrator", args=[FirstAdministratorLink.make(NOW)])
    form = {**FIRST, **changes}
    if words:
        page = client.post(url, form).content.decode()
        assert words in page
        assert form["password"] not in page or form["password"] == form["email"].lower()
        assert not User.objects.exists()
    assert client.post(url, FIRST).status_code == 302


@pytest.mark.control(22)
def test_a_newer_link_or_somebody_registered_ends_the_link(client: Client, db: None) -> None:
    older, newer = FirstAdministratorLink.make(NOW), FirstAdministratorLink.make(NOW)
    assert client.get(reverse("first-administrator", args=[older])).status_code == 404
    User.objects.create_user("other@x.example")
    assert client.get(reverse("first-administrator", args=[newer])).status_code == 404


@pytest.mark.control(22)
@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_the_link_at_once_one_wins() -> None:
    url = reverse("first-administrator", args=[FirstAdministratorLink.make(NOW)])
    together = Barrier(4)

    def use(number: int) -> int:
        together.wait()
        try:
            return Client().post(url, {**FIRST, "email": f"{number}@x.example"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [302, 404, 404, 404]
    assert User.objects.count() == 1
