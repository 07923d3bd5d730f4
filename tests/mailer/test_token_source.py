"""The cache of tokens: lifetime, keys, size, and requests shared by threads."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine

from mailer import messages
from mailer.coded_text import is_coded
from mailer.errors import SendError
from mailer.tokens import ClientSecret, TokenSource
from tests.mailer.conftest import app_of
from tests.mailer.https_server import HttpsServer, Request, in_turn, reply

TOKEN = {"token_type": "Bearer", "expires_in": 3599, "access_token": "opaque-7f3a"}


# Tokens that are kept


def test_cached_token_is_used_until_five_minutes_before_expiry(other: HttpsServer, tokens: TokenSource) -> None:
    app = app_of(other.cloud())
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        tokens.token(app, "x")
        clock.shift(3599 - 301)
        tokens.token(app, "x")
        assert len(other.came("/token")) == 1
        clock.shift(2)
        tokens.token(app, "x")
        assert len(other.came("/token")) == 2


def test_short_lived_token_is_cached_for_four_fifths_of_its_lifetime(other: HttpsServer, tokens: TokenSource) -> None:
    other.routes["/token"] = reply(200, {**TOKEN, "expires_in": 60})
    app = app_of(other.cloud())
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        tokens.token(app, "x")
        clock.shift(47)
        tokens.token(app, "x")
        assert len(other.came("/token")) == 1
        clock.shift(2)
        tokens.token(app, "x")
        assert len(other.came("/token")) == 2


def test_cache_key_has_cloud_tenant_app_scope_and_secret(other: HttpsServer, tokens: TokenSource) -> None:
    app = app_of(other.cloud())
    others = [
        replace(app, directory_id="other.example"),
        replace(app, client_id="other"),
        replace(app, credential=ClientSecret("other")),
        replace(app, cloud=replace(app.cloud, authority=f"{app.cloud.authority}/other")),
    ]
    for one in [app, *others]:
        tokens.token(one, "x")
    tokens.token(app, "y")
    assert len(other.came("/token")) == 6
    for one in [app, *others]:
        tokens.token(one, "x")
    assert len(other.came("/token")) == 6


def test_cache_evicts_the_least_recently_used_token(other: HttpsServer) -> None:
    tokens = TokenSource(max_entries=2)
    app = app_of(other.cloud())
    for scope in ("a", "b", "a", "c"):
        tokens.token(app, scope)
    assert [tokens.has_cached(app, scope) for scope in ("a", "b", "c")] == [True, False, True]


def test_forgotten_token_is_requested_again(other: HttpsServer, tokens: TokenSource) -> None:
    app = app_of(other.cloud())
    tokens.token(app, "x")
    tokens.forget(app, "x")
    assert not tokens.has_cached(app, "x")
    tokens.token(app, "x")
    assert len(other.came("/token")) == 2


def test_refusals_are_not_cached(other: HttpsServer, tokens: TokenSource) -> None:
    other.routes["/token"] = reply(401, {"error": "invalid_client", "error_codes": [7000215]})
    app = app_of(other.cloud())
    for number in range(3):
        with pytest.raises(SendError):
            tokens.token(replace(app, client_id=str(number)), "x")
    assert not tokens._fetching
    assert not tokens._tokens


def test_threads_share_one_request_and_its_error(other: HttpsServer, tokens: TokenSource) -> None:
    asked, go = threading.Event(), threading.Event()

    def slow_refusal(request: Request) -> bytes:
        asked.set()
        go.wait(5)
        return reply(401, {"error": "invalid_client", "error_codes": [7000222]})(request)

    other.routes["/token"] = in_turn(slow_refusal, reply(200, TOKEN))
    app = app_of(other.cloud())
    failures: list[SendError] = []

    def needs() -> None:
        with pytest.raises(SendError) as caught:
            tokens.token(app, "x")
        failures.append(caught.value)

    first = threading.Thread(target=needs)
    first.start()
    assert asked.wait(5)
    others = [threading.Thread(target=needs) for _ in range(4)]
    for thread in others:
        thread.start()
    (under_way,) = tokens._fetching.values()
    while len(under_way._condition._waiters) < len(others):  # type: ignore[attr-defined]
        assert not go.wait(0.005)
    go.set()
    for thread in (first, *others):
        thread.join(5)
    assert [failure.cause for failure in failures] == ["secret_expired"] * 5
    assert len({id(failure) for failure in failures}) == 5
    assert len(other.came("/token")) == 1
    assert tokens.token(app, "x").value == "opaque-7f3a"


def test_cached_token_reports_its_steps(other: HttpsServer, tokens: TokenSource) -> None:
    app = app_of(other.cloud())
    tokens.token(app, "x")
    steps: list[tuple[str, str]] = []
    tokens.token(app, "x", lambda *step: steps.append(step))
    assert [step for step, _ in steps] == ["tenant", "token"]
    assert is_coded(steps[1][1], messages.TOKEN_CACHED)
