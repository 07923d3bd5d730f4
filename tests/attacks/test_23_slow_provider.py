"""Item 23: a slow, flooding or invalid sign-in provider occupies few threads, for any number of sign-in clicks."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
import requests
from allauth.socialaccount.providers.oauth2.client import OAuth2Error

from alertadmin.accounts.oidc import http_session
from alertadmin.accounts.oidc.http_session import SLOTS, ProviderBusy, document
from mailer.http.deadline_sockets import MAX_RESPONSE_BYTES
from tests.accounts.oidc.conftest import Entra, entra  # noqa: F401 (a fixture)
from tests.attacks.endless_server import EndlessServer
from tests.helpers.timeouts import IN_TIME

pytestmark = pytest.mark.control(88)


def nothing_wrong(said: dict[str, Any]) -> None:
    """The check of a document that is not looked at."""


@pytest.fixture
def provider() -> Iterator[EndlessServer]:
    with EndlessServer() as server:
        yield server


def clicked(provider: EndlessServer, number: int = 0) -> str:
    """What becomes of asking for the metadata; each provider has a path of its own."""
    try:
        document(f"{provider.url}/{number}", provider.ca_file, nothing_wrong)
    except (OAuth2Error, requests.RequestException) as error:
        return type(error).__name__
    return "read"


@pytest.mark.parametrize("providers", [1, 10])
def test_23_ten_clicks_wait_in_few_threads(provider: EndlessServer, providers: int) -> None:
    provider.drips = True
    with ThreadPoolExecutor(10) as pool:
        try:
            clicks = [pool.submit(clicked, provider, number % providers) for number in range(10)]
            done, waiting = wait(clicks, timeout=http_session.SLOT_TIMEOUT + 3)
            assert {click.result() for click in done} == {ProviderBusy.__name__}
            assert len(waiting) == min(SLOTS, providers)
        finally:
            provider.close()


BOMBS: dict[str, tuple[dict[str, str], bytes]] = {
    "a gzip bomb": ({"Content-Encoding": "gzip"}, gzip.compress(b" " * 50_000_000)),
    "gzip that unpacks to metadata": ({"Content-Encoding": "gzip"}, gzip.compress(b"{}")),
    "endless": ({}, b" " * (MAX_RESPONSE_BYTES + 1)),
    "nested": ({}, b"[" * 500_000),
    "a list": ({}, b"[]"),
    "no JSON": ({}, b"<html>"),
    "a redirect": ({"Location": "https://localhost:1/"}, b"{}"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_23_what_is_no_document_is_refused_and_not_asked_again_at_once(provider: EndlessServer, bomb: str) -> None:
    headers, body = BOMBS[bomb]
    provider.answers(body, headers, status=302 if "Location" in headers else 200)
    began = time.monotonic()
    assert [clicked(provider) != "read" for _click in range(1000)] == [True] * 1000
    assert time.monotonic() - began < IN_TIME
    assert provider.requests == 1


def test_23_what_was_read_is_kept(provider: EndlessServer) -> None:
    provider.answers(json.dumps({"issuer": "x"}).encode())
    assert {clicked(provider) for _click in range(1000)} == {"read"}
    assert provider.requests == 1


def test_23_old_metadata_are_gone_by_while_a_provider_drips(provider: EndlessServer) -> None:
    provider.answers(json.dumps({"issuer": "x"}).encode())
    assert clicked(provider) == "read"
    for kept in http_session._CACHE.values():
        kept.fetched_at -= http_session.FRESH
    provider.drips = True
    began = time.monotonic()
    assert {clicked(provider) for _click in range(10)} == {"read"}
    assert time.monotonic() - began < IN_TIME


def test_23_a_page_says_so_while_all_slots_are_taken(entra: Entra) -> None:  # noqa: F811
    for _slot in range(SLOTS):
        http_session._SLOTS.acquire()
    try:
        page = entra.client.post("/sign-in/with/northpark/", follow=True).content.decode()
        assert "does not respond correctly." in page
    finally:
        for _slot in range(SLOTS):
            http_session._SLOTS.release()
    assert threading.active_count() < 100
    assert entra.begin()
