"""After the password: a code of the person's app, or a recovery code."""

from __future__ import annotations

import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.accounts.throttling import CODE
from alertadmin.registry.models import MfaSecret
from tests.conftest import PASSWORD
from tests.helpers.mfa import SECRET, add_app, code, recovery_codes

STEP = "/sign-in/second-step/"


@pytest.fixture
def half_in(client: Client, administrator: User) -> Client:
    """A user with an authenticator app, after the password."""
    add_app(administrator)
    form = {"username": administrator.email, "password": PASSWORD}
    assert client.post(f"{reverse('sign-in')}?next=/secrets/", form).headers["Location"] == STEP
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("overview")).status_code == 200


def test_the_password_alone_leads_no_further(half_in: Client) -> None:
    assert not is_in(half_in)
    assert "Six digits" in half_in.get(STEP).content.decode()


def test_the_app_s_code_leads_to_the_page_that_was_asked_for(half_in: Client) -> None:
    assert half_in.post(STEP, {"code": code()}).headers["Location"] == "/secrets/"
    assert is_in(half_in)


def test_a_wrong_code_does_not(half_in: Client) -> None:
    assert "This code is not right." in half_in.post(STEP, {"code": "000000"}).content.decode()
    assert not is_in(half_in)


@pytest.mark.control(23)
def test_a_code_is_good_once_in_whichever_process(half_in: Client, administrator: User) -> None:
    shown = code()
    assert half_in.post(STEP, {"code": shown}).status_code == 302
    cache.clear()  # as it is in another process
    again = Client()
    again.post(reverse("sign-in"), {"username": administrator.email, "password": PASSWORD})
    assert "This code was already used." in again.post(STEP, {"code": f"{shown[:3]} {shown[3:]}"}).content.decode()
    assert not is_in(again)


@pytest.mark.control(23)
def test_a_code_is_right_for_half_a_minute_and_the_clock_may_be_off_by_as_much(half_in: Client) -> None:
    with time_machine.travel(time.time(), tick=False):
        for late in (90, -90):
            assert half_in.post(STEP, {"code": code(time.time() - late)}).status_code == 200
        assert half_in.post(STEP, {"code": code(time.time() - 30)}).status_code == 302


@pytest.mark.control(20)
def test_codes_are_guessed_five_times_and_then_not_for_a_while(client: Client, administrator: User) -> None:
    add_app(administrator)
    answers = []
    for _number in range(CODE.most + 1):
        stranger = Client()
        stranger.post(reverse("sign-in"), {"username": administrator.email, "password": PASSWORD})
        answers.append(stranger.post(STEP, {"code": "000000"}).status_code)
    assert answers == [200] * CODE.most + [429]


def test_a_recovery_code_is_good_once(half_in: Client, administrator: User) -> None:
    spare = recovery_codes(administrator)[0]
    assert half_in.post(STEP, {"code": spare}).status_code == 302
    assert is_in(half_in)
    assert spare not in recovery_codes(administrator)


def test_nobody_comes_to_the_second_step_without_the_first(client: Client, db: None) -> None:
    assert client.get(STEP).headers["Location"] == reverse("sign-in")
    assert client.post(STEP, {"code": code()}).headers["Location"] == reverse("sign-in")


@pytest.mark.control(1)
def test_a_factor_s_secret_is_sealed_and_goes_with_it(administrator: User) -> None:
    app = add_app(administrator)
    assert SECRET not in str(app.data)
    sealed = MfaSecret.objects.get(pk=app.data["secret"])
    assert sealed.value is not None
    assert SECRET not in sealed.value.token
    Authenticator.objects.all().delete()
    assert not MfaSecret.objects.exists()
