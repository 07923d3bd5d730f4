"""Discovery documents and token responses of other servers: unusual, malformed, or without a token."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from mailer.errors import Answer as Judged
from mailer.tokens import acquire
from tests.mailer.conftest import app_of, discovery, jwt, token_error
from tests.mailer.https_server import HttpsServer, reply

TOKEN = {"token_type": "Bearer", "expires_in": 3599, "access_token": "opaque-7f3a"}


# Other servers


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"frobnicate": [1, {"x": None}], "claims_supported": "none"}, ()),
        ({"issuer": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"}, ()),
        ({"tenant_region_scope": None}, ("issuer",)),
        ({"authorization_endpoint": "https://elsewhere.example/authorize"}, ()),
    ],
    ids=["more than we know", "an issuer with a directory id", "no issuer", "another host"],
)
def test_a_discovery_document_may_be_unusual(
    other: HttpsServer, changes: dict[str, Any], gone: tuple[str, ...]
) -> None:
    document = {key: value for key, value in discovery(other, **changes).items() if key not in gone}
    other.routes["openid-configuration"] = reply(200, document, CONTENT_TYPE="text/plain")
    assert acquire(app_of(other.cloud()), "x/.default").value == "opaque-7f3a"


def test_authority_may_have_a_path(other: HttpsServer) -> None:
    assert acquire(app_of(other.cloud(authority=f"{other.url}/entra")), "x/.default").value == "opaque-7f3a"
    assert other.requests[0].path == "/entra/customer.example/v2.0/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("body", "cause", "said"),
    [
        ("<html>sign in</html>", "network", "is no JSON"),
        ("[]", "network", "is no JSON"),
        ("[" * 100_000, "network", "is no JSON"),
        ({"token_endpoint": "http://localhost/t", "authorization_endpoint": "https://localhost/a"}, "other",
         "token_endpoint"),
        ({"authorization_endpoint": "https://localhost/t/a"}, "other", "token_endpoint"),
        ({"token_endpoint": "https://localhost/t/token"}, "other", "lacks authorization_endpoint"),
    ],
)  # fmt: skip
def test_invalid_discovery_document_is_reported(
    other: HttpsServer, body: str | dict[str, Any], cause: str, said: str
) -> None:
    """And the secret goes to no token endpoint without TLS."""
    other.routes["openid-configuration"] = reply(200, body)
    failure = token_error(app_of(other.cloud()))
    assert (failure.cause, failure.retry, failure.answer) == (cause, True, Judged.FOREIGN)
    assert failure.technical.startswith("The discovery document of localhost ")
    assert said in failure.technical
    assert other.came("/token") == []


@pytest.mark.control(43)
def test_directory_id_cannot_change_the_path(other: HttpsServer) -> None:
    acquire(replace(app_of(other.cloud()), directory_id="../../evil?x=1#"), "x/.default")
    assert other.requests[0].path == "/..%2F..%2Fevil%3Fx%3D1%23/v2.0/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"expires_in": "3599"}, 3599),
        ({"expires_in": 3599.9}, 3599.9),
        ({"token_type": "bearer"}, 3599),
        ({"token_type": None, "scope": "x", "ext_expires_in": "9"}, 3599),
        ({"expires_in": 10**12}, 86_400),
        ({"expires_in": -5}, 0),
        ({"expires_in": None}, 0),
    ],
)
def test_unusual_token_answers_are_accepted(other: HttpsServer, changes: dict[str, Any], seconds: float) -> None:
    answer = {key: value for key, value in {**TOKEN, **changes}.items() if value is not None}
    other.routes["/token"] = reply(200, answer)
    with time_machine.travel(datetime(2026, 11, 23, 8, tzinfo=UTC), tick=False):
        token = acquire(app_of(other.cloud()), "x/.default")
        assert token.expires_at - datetime.now(UTC) == timedelta(seconds=seconds)
    assert token.value == "opaque-7f3a"


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"token_type": "Bearer"}, {"access_token": None}])
def test_answer_without_a_token_is_reported(other: HttpsServer, answer: dict[str, Any]) -> None:
    other.routes["/token"] = reply(200, answer)
    failure = token_error(app_of(other.cloud()))
    assert (failure.cause, failure.technical) == ("other", "The token endpoint gave no token, no error.")


@pytest.mark.parametrize(
    "body", ["null", "[]", '"x"', "7", "", "<html>", '{"access_token": "x", "expires_in": "soon"}']
)
def test_malformed_token_answer_is_reported(other: HttpsServer, body: str) -> None:
    other.routes["/token"] = reply(200, body)
    failure = token_error(app_of(other.cloud()))
    assert (failure.cause, failure.outcome, failure.retry) == ("network", "not_sent", True)
    assert failure.answer == Judged.FOREIGN


@pytest.mark.parametrize(
    ("value", "roles"),
    [
        ("opaque-7f3a", None),
        ("a.b.c", None),
        (jwt("[]"), None),
        (jwt("[" * 5000), None),
        (jwt("{}"), ()),
        (jwt('{"roles": []}'), ()),
        (jwt('{"roles": null}'), ()),
        (jwt('{"roles": 7}'), ()),
        (jwt('{"roles": ["Mail.Send", "X"]}'), ("Mail.Send", "X")),
        (jwt('{"roles": "Mail.Send X"}'), ("Mail.Send", "X")),
    ],
)
def test_roles_of_an_opaque_token_are_unknown(other: HttpsServer, value: str, roles: tuple[str, ...] | None) -> None:
    """Unknown roles differ from no roles: an opaque token is never reported as lacking a role."""
    other.routes["/token"] = reply(200, {**TOKEN, "access_token": value})
    token = acquire(app_of(other.cloud()), "x/.default")
    assert token.known_roles == roles
    assert token.roles == (roles or ())
