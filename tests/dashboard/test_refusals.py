"""What is refused is said in a sentence, in the viewer's language, with a way on; never a traceback."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts.models import User

CASES = {
    "bad request": (400, "The request could not be read."),
    "forbidden": (403, "Your role does not allow this."),
    "page open too long": (403, "Your session ended, or cookies are blocked."),
    "not found": (404, "There is nothing at this address."),
    "broken": (500, "The error is on our side."),
}


@pytest.fixture(autouse=True)
def broken_addresses(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.dashboard.broken_urls"


def refused(case: str, user: User | None, **headers: str) -> HttpResponse:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    if user:
        client.force_login(user)
    if case == "bad request":
        return client.get("/", headers={"host": "evil.example", **headers})  # type: ignore[return-value]
    if case == "page open too long":
        return client.post(reverse("sign-in"), headers=headers)  # type: ignore[return-value]
    path = {"forbidden": "/forbidden/", "not found": "/nowhere/", "broken": "/broken/"}[case]
    return client.get(path, headers=headers)  # type: ignore[return-value]


@pytest.mark.control(61)
@pytest.mark.parametrize("case", CASES)
def test_a_refusal_says_what_is_wrong_and_leads_on(administrator: User, case: str) -> None:
    status, words = CASES[case]
    response = refused(case, administrator)
    page = response.content.decode()
    assert response.status_code == status
    assert words in page
    assert f'href="{reverse("overview")}"' in page
    for told_to_nobody in ("hush", "Traceback", "RuntimeError", "tests.dashboard"):
        assert told_to_nobody not in page


@pytest.mark.control(61)
@pytest.mark.parametrize("case", [case for case in CASES if case not in ("forbidden", "broken")])
def test_a_stranger_is_told_no_more(db: None, case: str) -> None:
    status, words = CASES[case]
    response = refused(case, None)
    assert (response.status_code, words in response.content.decode()) == (status, True)


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_speaks_the_language_of_its_reader(administrator: User, case: str) -> None:
    _status, words = CASES[case]
    administrator.language = "fr"
    administrator.save()
    page = refused(case, administrator, **{"accept-language": "fr"}).content.decode()
    assert '<html lang="fr">' in page
    assert words not in page
