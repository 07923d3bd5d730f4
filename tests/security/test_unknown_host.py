"""Host names by which pages open: that of the public URL, this machine's own, and those that the operator allows."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

REFUSED = ["alerts.evil.example", "192.168.1.5:8000", "plant.example.evil.example", "<b>x</b>", "a" * 300]


@pytest.mark.django_db
@pytest.mark.parametrize("host", REFUSED)
def test_an_unknown_host_is_told_what_to_do(client: Client, settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = ["localhost", ".plant.example"]
    answer = client.get("/sign-in/", headers={"host": host})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "ALERTADMIN_ALLOWED_HOSTS" in page
    assert "<b>x</b>" not in page
    assert "a" * 101 not in page


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["plant.example", "alerts.plant.example:8000", "[::1]:8000", "192.168.1.5"])
def test_an_allowed_host_opens_pages(client: Client, settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = [".plant.example", "[::1]", "192.168.1.5"]
    assert client.get("/sign-in/", headers={"host": host}).status_code in (200, 302)


@pytest.mark.django_db
def test_a_form_from_an_allowed_host_is_taken(settings: Settings) -> None:
    """Its origin is compared with the name by which the page was opened."""
    settings.ALLOWED_HOSTS = ["192.168.1.5"]
    browser = Client(enforce_csrf_checks=True, headers={"host": "192.168.1.5:8000"})
    browser.get("/sign-in/")
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value
    fields = {"login": "a@b.example", "password": "x", "csrfmiddlewaretoken": token}
    own = browser.post("/sign-in/", fields, headers={"origin": "http://192.168.1.5:8000"})
    foreign = browser.post("/sign-in/", fields, headers={"origin": "http://evil.example"})
    assert (own.status_code, foreign.status_code) == (200, 403)
