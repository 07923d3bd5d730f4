"""Input from servers, browsers and strangers: the answer is a page or a clear error, never a server error.

Pasted errors, CSV files, certificates, ids, clouds files, keys and cursors have the same beside their own tests.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from django.core import signing
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alertadmin.accounts.models import User
from alertadmin.dashboard.consents import oauth_state
from mailer import token_client
from tests.helpers.login import signed_in_at
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer

QUICK = settings(deadline=None)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS_OF_ENTRA = st.sampled_from(
    ["error", "error_codes", "error_description", "suberror", "claims", "correlation_id", "trace_id", "expires_in"]
)


@QUICK
@given(st.dictionaries(WORDS_OF_ENTRA, ANY_JSON))
@example({"error_codes": [7000215, "x", None, {}], "error": ["invalid_client"]})
@example({"error_codes": {"a": 1}, "error_description": {"AADSTS": 1}})
def test_a_refusal_of_a_token_endpoint_is_told_whatever_its_words_hold(answer: dict[str, Any]) -> None:
    failure = token_client.token_error(answer)
    assert "\n" not in failure.technical
    assert all(len(value) <= 100 for value in failure.request_ids.values())


@QUICK
@given(ANY_JSON, ANY_JSON, ANY_JSON)
@example({"roles": {"a": 1}}, "1e999", None)
@example([1], "NaN", "x")
def test_a_token_is_read_whatever_its_claims_are(claims: object, expires_in: object, scope: object) -> None:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    answer = {"access_token": f"e30.{body}.x", "expires_in": expires_in, "scope": scope}
    token = token_client.read_token(answer)
    assert token.readable == isinstance(claims, dict)
    assert all(isinstance(role, str) for role in token.roles)
    token_client.read_delegated_token(answer)


@QUICK
@given(st.text())
@example("..")
@example("a.b")
@example("x.☃.y")
def test_what_is_no_token_is_one_of_which_nothing_is_known(value: str) -> None:
    assert not token_client.read_token({"access_token": value}).roles


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@FEW
@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'{"value": ' + b"9" * 5000 + b"}")
@example(b"\xff\xfe{}")
def test_an_answer_that_is_no_object_is_an_empty_one(server: HttpServer, body: bytes) -> None:
    server.routes[""] = reply(200, body)
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"http://127.0.0.1:{server.port}/", timeout=10)
    assert isinstance(token_client.json_object(answer), dict)


@pytest.mark.control(39)
@QUICK
@given(st.text())
def test_a_state_that_we_did_not_make_is_forged(text: str) -> None:
    with pytest.raises(oauth_state.Forged):
        oauth_state.read(text)


@pytest.mark.control(39)
@pytest.mark.parametrize(
    ("signed", "salt"),
    [
        (["x", "y", "z"], oauth_state.SALT),
        ({"a": 1}, oauth_state.SALT),
        ([1, 2], oauth_state.SALT),
        (["0" * 32, "s", "n"], "another"),
    ],
)
def test_a_state_that_is_signed_but_holds_something_else_is_forged(signed: object, salt: str) -> None:
    with pytest.raises(oauth_state.Forged):
        oauth_state.read(signing.dumps(signed, salt=salt))


WHAT_COMES_BACK = st.dictionaries(
    st.sampled_from(["state", "tenant", "admin_consent", "error", "error_description", "scope", "code"]),
    st.text(max_size=60),
)


@pytest.mark.control(39, 61)
@FEW
@given(WHAT_COMES_BACK)
@example({"state": "\x00", "tenant": "\ud7ff", "error": "\r\nSet-Cookie: a=b"})
def test_whatever_comes_back_from_a_consent_page_is_answered(
    client: Client, administrator: User, said: dict[str, str]
) -> None:
    for browser in (client, Client()):
        if browser is client:
            signed_in_at(client, administrator)
        response = browser.get(f"{reverse('consent-return')}?{urlencode(said)}")
        assert response.status_code in (200, 302, 400, 403)
        assert response.headers.get("Location", "/").startswith("/")
        assert "a" not in response.cookies


@FEW
@given(st.text(alphabet=st.characters(exclude_characters="/\\?#", exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_whatever_stands_where_a_calendar_s_token_should_is_nobody_s(client: Client, db: None, token: str) -> None:
    for name in ("calendar-feed", "first-administrator"):
        assert client.get(reverse(name, args=[token])).status_code == 404
