"""Tokens: every trap of msal 1.39 that is known, and token endpoints that we have never seen."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
import time_machine

from mailer import messages
from mailer.coded_text import is_coded
from mailer.errors import Answer as Judged
from mailer.errors import SendError
from mailer.tokens import AppIdentity, ClientSecret, TokenSource, acquire
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import SECRET, Customer, app_of, discovery
from tests.mailer.https_server import Answer, HttpsServer, Request, in_turn, reply

TOKEN = {"token_type": "Bearer", "expires_in": 3599, "access_token": "opaque-7f3a"}


def refused(app: AppIdentity, scope: str | None = None, timeout: float = 10) -> SendError:
    with pytest.raises(SendError) as caught:
        acquire(app, scope or app.cloud.graph_scope, timeout=timeout)
    return caught.value


def never(server: HttpsServer) -> Answer:
    def waits(request: Request) -> bytes:
        server.closing.wait(30)
        return b""

    return waits


# A token


def test_a_token_shows_what_was_granted_and_the_steps_to_it(customer: Customer) -> None:
    steps: list[tuple[str, str]] = []
    token = acquire(customer.identity, customer.cloud.exchange_scope, on_step=lambda *step: steps.append(step))
    assert token.roles == ("SMTP.SendAsApp", "full_access_as_app")
    assert token.known_roles == token.roles
    assert (token.tenant_id, token.app_id) == (customer.tenant.directory_id, customer.app.client_id)
    assert timedelta(minutes=55) < token.expires_at - datetime.now(UTC) < timedelta(minutes=61)
    assert [step for step, _ in steps] == ["tenant", "token"]


def test_a_tenant_may_be_named_by_its_domain(customer: Customer) -> None:
    """The discovery document's issuer then holds the directory id."""
    app = replace(customer.identity, directory_id=customer.tenant.domain)
    assert acquire(app, app.cloud.graph_scope).roles == ("Mail.Send",)


@pytest.mark.control(5)
def test_neither_a_token_nor_a_secret_shows_itself(customer: Customer) -> None:
    token = acquire(customer.identity, customer.cloud.graph_scope)
    assert token.value not in repr(token)
    assert str(customer.secret.value) not in repr(customer.identity)


# Traps of msal


def test_msal_keeps_tokens_by_app_and_not_by_secret_so_a_wrong_new_secret_is_asked_of_entra(
    customer: Customer, tokens: TokenSource
) -> None:
    scope = customer.cloud.graph_scope
    tokens.token(customer.identity, scope)
    wrong = replace(customer.identity, credential=ClientSecret("not-the-secret"))
    assert refused(wrong).cause == "secret_wrong"
    with pytest.raises(SendError, match="secret_wrong"):
        tokens.token(wrong, scope)


def test_msal_remembers_a_refusal_for_a_minute_so_each_check_is_a_fresh_application(
    customer: Customer, sandbox: Sandbox
) -> None:
    sandbox.faults.add(door="token", status=400, code=700016, mailbox=customer.app.client_id)
    assert refused(customer.identity).cause == "app_not_found"
    assert acquire(customer.identity, customer.cloud.graph_scope).roles == ("Mail.Send",)


def test_msal_waits_out_a_retry_after_by_itself_so_it_is_told_instead(customer: Customer, sandbox: Sandbox) -> None:
    sandbox.faults.add(door="token", status=429, headers={"Retry-After": "37"}, mailbox=customer.app.client_id)
    failure = refused(customer.identity)
    assert (failure.cause, failure.retry) == ("throttled", True)
    begun = monotonic()
    acquire(customer.identity, customer.cloud.graph_scope)
    assert monotonic() - begun < IN_TIME


def test_msals_constructor_asks_for_discovery_which_may_never_answer(other: HttpsServer) -> None:
    other.routes["openid-configuration"] = never(other)
    begun = monotonic()
    failure = refused(app_of(other.cloud()), timeout=0.4)
    assert (failure.cause, failure.outcome, failure.retry) == ("network", "not_sent", True)
    assert monotonic() - begun < IN_TIME


def test_the_time_of_a_token_is_one_for_discovery_and_token_together(other: HttpsServer) -> None:
    def late(request: Request) -> bytes:
        other.closing.wait(2)
        return reply(200, discovery(other))(request)

    other.routes["openid-configuration"] = late
    other.routes["/token"] = never(other)
    begun = monotonic()
    assert refused(app_of(other.cloud()), timeout=3).cause == "network"
    assert monotonic() - begun < 4.8


def test_msal_refuses_an_authority_without_tls_and_so_do_we_in_a_sentence(other: HttpsServer) -> None:
    failure = refused(app_of(other.cloud(authority=other.url.replace("https", "http"))))
    assert failure.cause == "tls"
    assert 'must begin with "https://"' in failure.technical
    assert other.requests == []


def test_microsofts_global_cloud_is_never_asked_about_an_authority(other: HttpsServer) -> None:
    """msal's instance discovery would ask login.microsoftonline.com; what is asked for is the tenant's own document."""
    acquire(app_of(other.cloud()), "https://graph.microsoft.com/.default")
    assert [request.path for request in other.requests] == [
        "/customer.example/v2.0/.well-known/openid-configuration",
        "/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
    ]


def test_a_check_is_one_connection(other: HttpsServer) -> None:
    acquire(app_of(other.cloud()), "https://graph.microsoft.com/.default")
    assert other.connections == 1


def test_bundles_and_proxies_of_the_environment_have_no_say(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/nothing.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert acquire(customer.identity, customer.cloud.graph_scope).roles == ("Mail.Send",)


def test_msal_logs_an_answer_that_is_no_json_token_and_all_but_not_here(
    other: HttpsServer, caplog: pytest.LogCaptureFixture
) -> None:
    def half_a_token(request: Request) -> bytes:
        return reply(200, '{"access_token": "opaque-7f3a')(request)

    other.routes["/token"] = half_a_token
    with caplog.at_level(logging.DEBUG):
        failure = refused(app_of(other.cloud()))
    assert "opaque-7f3a" not in caplog.text + failure.technical
    assert SECRET not in caplog.text
    assert "answered the token request with something else" in failure.technical


@pytest.mark.control(3)
def test_no_log_at_debug_shows_a_token_or_a_secret(customer: Customer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        token = acquire(customer.identity, customer.cloud.graph_scope)
    assert caplog.records
    assert token.value not in caplog.text
    assert str(customer.secret.value) not in caplog.text


# Refusals


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        (7000215, 401, "secret_wrong"),
        (7000222, 401, "secret_expired"),
        (700016, 400, "app_not_found"),
        (7000229, 401, "consent_missing"),
        (7000112, 401, "app_disabled"),
        (53003, 400, "conditional_access"),
        (500011, 400, "exchange_missing"),
        (90033, 503, "transient"),
    ],
)
def test_entras_numbers_are_causes_with_ids_for_support(
    customer: Customer, sandbox: Sandbox, code: int, status: int, cause: str
) -> None:
    sandbox.faults.add(door="token", status=status, code=code, mailbox=customer.app.client_id)
    failure = refused(customer.identity)
    assert (failure.cause, failure.outcome) == (cause, "not_sent")
    if status < 500:
        assert str(code) in failure.technical
        assert set(failure.request_ids) == {"correlation_id", "trace_id"}


def test_a_tenant_that_does_not_exist_is_said_in_entras_words_by_one_request(
    customer: Customer, other: HttpsServer
) -> None:
    gone = replace(customer.identity, directory_id="5b1c1e1e-0000-4000-8000-000000000000")
    failure = refused(gone)
    assert failure.cause == "tenant_not_found"
    assert failure.technical.startswith("AADSTS90002: Tenant '5b1c1e1e")
    other.routes["openid-configuration"] = reply(
        400, {"error": "invalid_tenant", "error_description": "AADSTS90002: x"}
    )
    assert refused(app_of(other.cloud())).cause == "tenant_not_found"
    assert len(other.requests) == 1


@pytest.mark.parametrize("path", ["openid-configuration", "/token"])
@pytest.mark.parametrize(
    ("answer", "cause", "wait"),
    [
        (reply(503, "<html>down</html>", retry_after="12"), "transient", 12.0),
        (reply(500, ""), "transient", None),
        (reply(429, "", RETRY_AFTER="9"), "throttled", 9.0),
        (reply(403, "<html>Blocked by the firewall</html>"), "other", None),
        (reply(302, "", location="https://localhost/login"), "network", None),
        (reply(404, "nothing"), "tenant_not_found", None),
    ],
    ids=["503", "500", "429", "403", "302", "404"],
)
def test_an_answer_that_is_no_json_is_told_by_its_status(
    other: HttpsServer, path: str, answer: Answer, cause: str, wait: float | None
) -> None:
    other.routes[path] = answer
    failure = refused(app_of(other.cloud()))
    assert (failure.cause, failure.retry_after) == (cause, wait)
    assert "\n" not in failure.technical


@pytest.mark.control(58)
@pytest.mark.parametrize("path", ["openid-configuration", "/token"])
def test_a_secret_that_a_server_repeats_is_hidden(other: HttpsServer, path: str) -> None:
    """Even one that looks like nothing."""

    def echoes(request: Request) -> bytes:
        said = f"You sent {request.form.get('client_secret', 'zebra')} and {'zebra'}"
        return reply(400, {"error": "invalid_client", "error_description": said})(request)

    other.routes[path] = echoes
    failure = refused(app_of(other.cloud(), secret="zebra"))
    assert "zebra" not in failure.technical
    assert "[hidden]" in failure.technical


@pytest.mark.control(47)
@pytest.mark.parametrize("fault", ["stranger", "expired", "other_host"])
def test_a_secret_is_shown_to_nobody_whose_certificate_is_wrong(
    authorities: Authorities, stack: ExitStack, fault: str
) -> None:
    server = stack.enter_context(HttpsServer(getattr(authorities, fault), authorities.ca_file))
    assert refused(app_of(server.cloud())).cause == "tls"
    assert server.requests == []


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


def test_an_authority_may_stand_below_a_path(other: HttpsServer) -> None:
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
def test_a_discovery_document_that_is_none_is_one_clear_sentence(
    other: HttpsServer, body: str | dict[str, Any], cause: str, said: str
) -> None:
    """And the secret goes to no token endpoint without TLS."""
    other.routes["openid-configuration"] = reply(200, body)
    failure = refused(app_of(other.cloud()))
    assert (failure.cause, failure.retry, failure.answer) == (cause, True, Judged.FOREIGN)
    assert failure.technical.startswith("The discovery document of localhost ")
    assert said in failure.technical
    assert other.came("/token") == []


@pytest.mark.control(43)
def test_a_directory_id_cannot_lead_to_another_place(other: HttpsServer) -> None:
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
def test_a_tokens_answer_may_be_unusual(other: HttpsServer, changes: dict[str, Any], seconds: float) -> None:
    answer = {key: value for key, value in {**TOKEN, **changes}.items() if value is not None}
    other.routes["/token"] = reply(200, answer)
    with time_machine.travel(datetime(2026, 11, 23, 8, tzinfo=UTC), tick=False):
        token = acquire(app_of(other.cloud()), "x/.default")
        assert token.expires_at - datetime.now(UTC) == timedelta(seconds=seconds)
    assert token.value == "opaque-7f3a"


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"token_type": "Bearer"}, {"access_token": None}])
def test_an_answer_without_a_token_is_said(other: HttpsServer, answer: dict[str, Any]) -> None:
    other.routes["/token"] = reply(200, answer)
    failure = refused(app_of(other.cloud()))
    assert (failure.cause, failure.technical) == ("other", "The token endpoint gave no token, no error.")


@pytest.mark.parametrize(
    "body", ["null", "[]", '"x"', "7", "", "<html>", '{"access_token": "x", "expires_in": "soon"}']
)
def test_an_answer_that_is_no_token_at_all_is_said(other: HttpsServer, body: str) -> None:
    other.routes["/token"] = reply(200, body)
    failure = refused(app_of(other.cloud()))
    assert (failure.cause, failure.outcome, failure.retry) == ("network", "not_sent", True)
    assert failure.answer == Judged.FOREIGN


def jwt(payload: str) -> str:
    from base64 import urlsafe_b64encode

    return f"eyJhbGciOiJub25lIn0.{urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.x"


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
def test_roles_are_read_where_there_are_any_and_unknown_in_a_token_that_is_closed(
    other: HttpsServer, value: str, roles: tuple[str, ...] | None
) -> None:
    """Unknown is not none: nobody is told that a role is missing from a token which cannot be read."""
    other.routes["/token"] = reply(200, {**TOKEN, "access_token": value})
    token = acquire(app_of(other.cloud()), "x/.default")
    assert token.known_roles == roles
    assert token.roles == (roles or ())


# Tokens that are kept


def test_a_kept_token_is_used_until_five_minutes_before_its_end(other: HttpsServer, tokens: TokenSource) -> None:
    app = app_of(other.cloud())
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        tokens.token(app, "x")
        clock.shift(3599 - 301)
        tokens.token(app, "x")
        assert len(other.came("/token")) == 1
        clock.shift(2)
        tokens.token(app, "x")
        assert len(other.came("/token")) == 2


def test_a_short_lived_token_is_kept_for_four_fifths_of_its_life(other: HttpsServer, tokens: TokenSource) -> None:
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


def test_a_token_is_kept_by_cloud_tenant_app_scope_and_secret(other: HttpsServer, tokens: TokenSource) -> None:
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


def test_what_is_kept_is_bounded_and_the_least_used_goes_first(other: HttpsServer) -> None:
    tokens = TokenSource(max_entries=2)
    app = app_of(other.cloud())
    for scope in ("a", "b", "a", "c"):
        tokens.token(app, scope)
    assert [tokens.has_cached(app, scope) for scope in ("a", "b", "c")] == [True, False, True]


def test_a_forgotten_token_is_asked_for_anew(other: HttpsServer, tokens: TokenSource) -> None:
    app = app_of(other.cloud())
    tokens.token(app, "x")
    tokens.forget(app, "x")
    assert not tokens.has_cached(app, "x")
    tokens.token(app, "x")
    assert len(other.came("/token")) == 2


def test_refusals_leave_nothing_behind(other: HttpsServer, tokens: TokenSource) -> None:
    other.routes["/token"] = reply(401, {"error": "invalid_client", "error_codes": [7000215]})
    app = app_of(other.cloud())
    for number in range(3):
        with pytest.raises(SendError):
            tokens.token(replace(app, client_id=str(number)), "x")
    assert not tokens._fetching
    assert not tokens._tokens


def test_threads_that_need_one_token_share_one_request_and_its_refusal(other: HttpsServer, tokens: TokenSource) -> None:
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


def test_a_kept_token_shows_its_steps_too(other: HttpsServer, tokens: TokenSource) -> None:
    app = app_of(other.cloud())
    tokens.token(app, "x")
    steps: list[tuple[str, str]] = []
    tokens.token(app, "x", lambda *step: steps.append(step))
    assert [step for step, _ in steps] == ["tenant", "token"]
    assert is_coded(steps[1][1], messages.TOKEN_CACHED)
