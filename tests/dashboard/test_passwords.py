"""Password change: by a signed-in user, or by a link from a mail or from the console."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.contrib.auth.hashers import identify_hasher
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts import password_reset
from alertadmin.accounts.models import User
from alertadmin.audit import AuditEntry
from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery
from sandbox import Sandbox
from tests.conftest import PASSWORD
from tests.helpers.mfa import add_app

NEW = "another horse, another staple"


def sign_in(email: str, password: str) -> Client | None:
    client = Client()
    done = client.post(reverse("sign-in"), {"username": email, "password": password}).status_code == 302
    return client if done else None


def is_in(client: Client) -> bool:
    return client.get(reverse("profile")).status_code == 200


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


@pytest.mark.control(24)
def test_a_changed_password_leads_in_and_the_old_one_nowhere(administrator: User) -> None:
    mine, other = sign_in(administrator.email, PASSWORD), sign_in(administrator.email, PASSWORD)
    assert mine
    assert other
    assert mine.post(reverse("password-change"), {"password": NEW}).headers["Location"] == reverse("security")
    assert is_in(mine)
    assert not is_in(other)
    assert sign_in(administrator.email, PASSWORD) is None
    assert sign_in(administrator.email, NEW)
    assert AuditEntry.objects.filter(act="password.changed", who=administrator.email).count() == 1


@pytest.mark.control(18)
@pytest.mark.parametrize(
    ("password", "is_taken"),
    [
        ("eleven char", False),
        ("twelve chars", True),
        ("passwordpassword", False),
        ("123456789012", False),
        ("098765432109", False),
        ("dddddddddddd", False),
        ("ada@northpark.example", False),
        ("日本語のパスワード、十二文字", True),
        (" spaces count, at both ends ", True),
        ("x9" * 32, True),
        ("long " * 100, True),
    ],
)
def test_which_passwords_are_taken(signed_in: Client, administrator: User, password: str, is_taken: bool) -> None:
    answer = signed_in.post(reverse("password-change"), {"password": password})
    assert answer.status_code == (302 if is_taken else 422)
    administrator.refresh_from_db()
    assert administrator.check_password(password) == is_taken
    assert password not in answer.content.decode()


@pytest.mark.control(19)
def test_it_is_kept_as_argon2id(costly_passwords: None, signed_in: Client, administrator: User) -> None:
    signed_in.post(reverse("password-change"), {"password": NEW})
    administrator.refresh_from_db()
    assert administrator.password.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    assert not identify_hasher(administrator.password).must_update(administrator.password)


def test_whoever_signs_in_elsewhere_has_none_to_change(signed_in: Client, administrator: User) -> None:
    administrator.set_unusable_password()
    administrator.save()
    signed_in.force_login(administrator)
    assert reverse("password-change") not in signed_in.get(reverse("security")).content.decode()
    assert password_reset.find(password_reset.link(administrator).rsplit("/", 2)[1]) is None


@pytest.mark.control(38)
def test_a_link_is_of_the_configured_address_and_good_once(client: Client, administrator: User) -> None:
    link = password_reset.link(administrator)
    assert link.startswith("http://localhost:8000/new-password/")
    path = path_of(link)
    assert administrator.email in client.get(path).content.decode()
    assert client.post(path, {"password": "short"}).status_code == 422
    assert client.post(path, {"password": NEW}).headers["Location"] == reverse("sign-in")
    assert not is_in(client)
    assert client.get(path).status_code == client.post(path, {"password": NEW}).status_code == 404
    assert sign_in(administrator.email, NEW)


def test_it_ends_every_session_and_leads_past_no_second_factor(client: Client, administrator: User) -> None:
    inside = sign_in(administrator.email, PASSWORD)
    assert inside
    add_app(administrator)
    link = password_reset.link(User.objects.get())
    client.post(path_of(link), {"password": NEW})
    assert not is_in(inside)
    half = sign_in(administrator.email, NEW)
    assert half
    assert not is_in(half)


@pytest.mark.parametrize("spoil", ["an hour later", "signed in since", "disabled", "another's number", "made up"])
def test_a_link_that_is_good_no_more(client: Client, administrator: User, spoil: str) -> None:
    path = path_of(password_reset.link(administrator))
    with time_machine.travel(timedelta(seconds=3601 if spoil == "an hour later" else 0)):
        if spoil == "signed in since":
            sign_in(administrator.email, PASSWORD)
        elif spoil == "disabled":
            User.objects.update(is_active=False)
        elif spoil == "another's number":
            bob = User.objects.create_user("bob@northpark.example", PASSWORD)
            path = re.sub(r"/\d+\.", f"/{bob.pk}.", path)
        elif spoil == "made up":
            path = reverse("new-password", args=["9" * 30])
        assert client.get(path).status_code == 404


@pytest.mark.control(21)
def test_every_address_is_answered_alike_and_costs_the_same(
    client: Client, administrator: User, django_assert_num_queries: Callable[..., object]
) -> None:
    pages = []
    for address in (administrator.email, "unknown@x.example"):
        page = Client().post(reverse("forgotten-password"), {"email": address})
        pages.append((page.status_code, page.content.decode().replace(address, "")))
    csrf = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
    assert pages[0][0] == pages[1][0] == 200
    assert csrf.sub("", pages[0][1]) == csrf.sub("", pages[1][1])
    assert Delivery.objects.filter(purpose="password").count() == 2


@pytest.mark.control(20)
def test_a_stranger_fills_nobody_s_mailbox(client: Client, administrator: User) -> None:
    for _number in range(6):
        assert client.post(reverse("forgotten-password"), {"email": administrator.email}).status_code == 200
    assert Delivery.objects.filter(purpose="password").count() == 3


@pytest.mark.control(1, 38)
@pytest.mark.django_db(transaction=True)
def test_the_mail_leaves_by_the_outbox_and_its_link_is_kept_nowhere(
    client: Client, administrator: User, relay: Sandbox, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    for address in (administrator.email.upper(), "unknown@x.example"):
        client.post(reverse("forgotten-password"), {"email": address}, headers={"host": "evil.example"})
    worker.deliver_due()
    by_state = dict(Delivery.objects.values_list("state", "recipient"))
    assert by_state["cancelled"] == "unknown@x.example"
    sent = Delivery.objects.get(state="sent")
    assert "new-password" not in sent.text
    [mail] = relay.ledger.messages(sent.message_id)
    link = re.search(r"http://[^\s\\]+/new-password/[^\s\\]+/", unescape(str(mail)))
    assert link
    assert link[0].startswith("http://localhost:8000/")
    assert client.post(path_of(link[0]), {"password": NEW}).status_code == 302
