"""After the password: a code of the person's app, or a recovery code."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.registry.models import FactorSecret
from tests.conftest import PASSWORD
from tests.second_factors import SECRET, add_app, code, recovery_codes

STEP = "/sign-in/second-step/"


@pytest.fixture
def half_in(client: Client, administrator: User) -> Client:
    """Whoever has an app and has given the password."""
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
    sealed = FactorSecret.objects.get(pk=app.data["secret"])
    assert sealed.value is not None
    assert SECRET not in sealed.value.token
    Authenticator.objects.all().delete()
    assert not FactorSecret.objects.exists()
