"""Asked again who it is: a page is come back to, a form is not lost, and an old session gets no further."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse
from django.views.decorators.debug import sensitive_post_parameters

from alertadmin.accounts.decorators import login_only
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.throttling import CODE
from alertadmin.accounts.throttling import PASSWORD as LIMIT
from tests.conftest import PASSWORD
from tests.helpers.login import signed_in_at
from tests.helpers.mfa import add_app, code, recovery_codes

ACT = "/act/?x=1"


@login_only
@sensitive_post_parameters("secret")
@recently_confirmed()
def act(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"done {request.POST.getlist('name')} {request.POST.get('secret')}")


@login_only
@recently_confirmed("POST")
def half_free(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


urlpatterns = [path("act/", act), path("half-free/", half_free), path("", include("alertadmin.urls"))]

pytestmark = pytest.mark.control(26)


@pytest.fixture
def stale(client: Client, administrator: User) -> Iterator[Client]:
    """A user who signed in eleven minutes ago."""
    with override_settings(ROOT_URLCONF=__name__):
        yield signed_in_at(client, administrator, time.time() - 660)


def hidden(page: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page):
        found.setdefault(name, []).append(unescape(value))
    return {name: values for name, values in found.items() if name != "csrfmiddlewaretoken"}


def test_whoever_has_just_signed_in_is_not_asked(stale: Client, administrator: User) -> None:
    assert signed_in_at(stale, administrator, time.time() - 590).get(ACT).content.startswith(b"done")


def test_a_page_is_come_back_to(stale: Client) -> None:
    asked = stale.get(ACT).headers["Location"]
    assert asked == "/confirm/?next=/act/%3Fx%3D1"
    assert "Confirm your identity" in stale.get(asked).content.decode()
    assert stale.post(asked, {"confirm-password": PASSWORD}).headers["Location"] == ACT
    assert stale.get(ACT).content.startswith(b"done")


def test_a_form_that_was_sent_is_not_lost(stale: Client) -> None:
    answer = stale.post(ACT, {"name": ['a "b"', "ü"]})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert 'action="/act/?x=1"' in page
    assert hidden(page) == {"name": ['a "b"', "ü"]}
    again = stale.post(ACT, {**hidden(page), "confirm-password": "wrong"})
    assert "This is not your password." in again.content.decode()
    assert hidden(again.content.decode()) == {"name": ['a "b"', "ü"]}
    done = stale.post(ACT, {**hidden(page), "confirm-password": PASSWORD})
    assert done.content.decode().startswith("done ['a \"b\"', 'ü']")
    assert stale.post(ACT, {"name": "c"}).content.startswith(b"done ['c']")


def test_a_secret_does_not_come_back_on_the_page_that_asks(stale: Client) -> None:
    page = stale.post(ACT, {"name": "a", "secret": "CANARY"}).content.decode()
    assert "CANARY" not in page
    assert hidden(page) == {"name": ["a"]}


def test_looking_may_be_free_where_acting_is_not(stale: Client) -> None:
    assert stale.get("/half-free/").content == b"done"
    assert stale.post("/half-free/").status_code == 403


def test_a_part_of_a_page_is_not_replaced_by_the_question(stale: Client) -> None:
    for method in (stale.get, stale.post):
        answer = method(ACT, headers={"hx-request": "true", "referer": "http://testserver/secrets/?q=x"})
        assert answer.headers["HX-Redirect"] == "/confirm/?next=/secrets/%3Fq%3Dx"


@pytest.mark.parametrize("foreign", ["//evil.example", "https://evil.example/", "javascript:alert(1)", ""])
@pytest.mark.control(41)
def test_it_never_leads_to_another_site(stale: Client, foreign: str) -> None:
    answer = stale.post(f"{reverse('confirm')}?next={foreign}", {"confirm-password": PASSWORD})
    assert answer.headers["Location"] == "/"


def test_a_code_or_a_recovery_code_does_as_well_and_once(stale: Client, administrator: User) -> None:
    add_app(administrator)
    shown, spare = code(), recovery_codes(administrator)[0]
    for one in (shown, spare):
        signed_in_at(stale, administrator, time.time() - 660)
        assert stale.post(ACT, {"confirm-code": one}).content.startswith(b"done")
        signed_in_at(stale, administrator, time.time() - 660)
        assert stale.post(ACT, {"confirm-code": one}).status_code == 403


def test_nothing_entered_is_no_answer(stale: Client) -> None:
    page = stale.post(ACT, {"confirm-password": ""})
    assert page.status_code == 403
    assert "nothing was entered" in page.content.decode()


@pytest.mark.control(20)
def test_a_stolen_session_does_not_guess_for_long(stale: Client, administrator: User) -> None:
    add_app(administrator)
    for field, most in (("confirm-password", LIMIT.most), ("confirm-code", CODE.most)):
        answers = [stale.post(ACT, {field: "000000"}).status_code for _number in range(most + 1)]
        assert answers == [403] * most + [429]


def test_whoever_has_no_password_is_not_asked_for_one(stale: Client, administrator: User) -> None:
    administrator.set_unusable_password()
    administrator.save()
    signed_in_at(stale, administrator, time.time() - 660)
    page = stale.post(ACT).content.decode()
    assert "confirm-password" not in page
    assert "Sign out and in again, then continue." in page
    assert stale.post(ACT, {"confirm-password": PASSWORD}).status_code == 403


def test_another_person_s_answer_does_not_count(stale: Client, administrator: User) -> None:
    """A session that changed hands begins anew."""
    session = stale.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(administrator.pk + 1)
    session.save()
    assert stale.get(ACT).status_code == 302
