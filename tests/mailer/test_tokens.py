"""Requests for tokens: known pitfalls of msal 1.39, and refusals."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from mailer.errors import SendError
from mailer.tokens import ClientSecret, TokenSource, acquire
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import SECRET, Customer, app_of, discovery, token_error
from tests.mailer.https_server import Answer, HttpsServer, Request, never_answers, reply

TOKEN = {"token_type": "Bearer", "expires_in": 3599, "access_token": "opaque-7f3a"}


# A token


def test_token_has_roles_and_reports_its_steps(customer: Customer) -> None:
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
def test_repr_contains_neither_token_nor_secret(customer: Customer) -> None:
    token = acquire(customer.identity, customer.cloud.graph_scope)
    assert token.value not in repr(token)
    assert str(customer.secret.value) not in repr(customer.identity)


# Known pitfalls of msal


def test_wrong_new_secret_is_not_hidden_by_msals_cache(customer: Customer, tokens: TokenSource) -> None:
    scope = customer.cloud.graph_scope
    tokens.token(customer.identity, scope)
    wrong = replace(customer.identity, credential=ClientSecret("not-the-secret"))
    assert token_error(wrong).cause == "secret_wrong"
    with pytest.raises(SendError, match="secret_wrong"):
        tokens.token(wrong, scope)


def test_msals_cache_of_refusals_is_not_used(customer: Customer, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="token", status=400, code=700016, mailbox=customer.app.client_id)
    assert token_error(customer.identity).cause == "app_not_found"
    assert acquire(customer.identity, customer.cloud.graph_scope).roles == ("Mail.Send",)


def test_retry_after_is_returned_instead_of_waiting(customer: Customer, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="token", status=429, headers={"Retry-After": "37"}, mailbox=customer.app.client_id)
    failure = token_error(customer.identity)
    assert (failure.cause, failure.retry) == ("throttled", True)
    begun = monotonic()
    acquire(customer.identity, customer.cloud.graph_scope)
    assert monotonic() - begun < IN_TIME


def test_silent_discovery_times_out(other: HttpsServer) -> None:
    other.routes["openid-configuration"] = never_answers(other)
    begun = monotonic()
    failure = token_error(app_of(other.cloud()), timeout=0.4)
    assert (failure.cause, failure.outcome, failure.retry) == ("network", "not_sent", True)
    assert monotonic() - begun < IN_TIME


def test_discovery_and_token_share_one_timeout(other: HttpsServer) -> None:
    def late(request: Request) -> bytes:
        other.closing.wait(2)
        return reply(200, discovery(other))(request)

    other.routes["openid-configuration"] = late
    other.routes["/token"] = never_answers(other)
    begun = monotonic()
    assert token_error(app_of(other.cloud()), timeout=3).cause == "network"
    assert monotonic() - begun < 4.8


def test_authority_without_tls_is_refused(other: HttpsServer) -> None:
    failure = token_error(app_of(other.cloud(authority=other.url.replace("https", "http"))))
    assert failure.cause == "tls"
    assert 'must begin with "https://"' in failure.technical
    assert other.requests == []


def test_no_instance_discovery_is_requested(other: HttpsServer) -> None:
    """msal's instance discovery would ask login.microsoftonline.com; what is asked for is the tenant's own document."""
    acquire(app_of(other.cloud()), "https://graph.microsoft.com/.default")
    assert [request.path for request in other.requests] == [
        "/customer.example/v2.0/.well-known/openid-configuration",
        "/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
    ]


def test_token_request_uses_one_connection(other: HttpsServer) -> None:
    acquire(app_of(other.cloud()), "https://graph.microsoft.com/.default")
    assert other.connections == 1


def test_environment_bundles_and_proxies_are_ignored(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/nothing.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert acquire(customer.identity, customer.cloud.graph_scope).roles == ("Mail.Send",)


def test_msals_log_of_invalid_answers_is_disabled(other: HttpsServer, caplog: pytest.LogCaptureFixture) -> None:
    def half_a_token(request: Request) -> bytes:
        return reply(200, '{"access_token": "opaque-7f3a')(request)

    other.routes["/token"] = half_a_token
    with caplog.at_level(logging.DEBUG):
        failure = token_error(app_of(other.cloud()))
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
def test_entras_errors_have_causes_and_request_ids(
    customer: Customer, sandbox: Sandbox, code: int, status: int, cause: str
) -> None:
    sandbox.faults.add(service="token", status=status, code=code, mailbox=customer.app.client_id)
    failure = token_error(customer.identity)
    assert (failure.cause, failure.outcome) == (cause, "not_sent")
    if status < 500:
        assert str(code) in failure.technical
        assert set(failure.request_ids) == {"correlation_id", "trace_id"}


def test_unknown_tenant_is_reported_after_one_request(customer: Customer, other: HttpsServer) -> None:
    gone = replace(customer.identity, directory_id="5b1c1e1e-0000-4000-8000-000000000000")
    failure = token_error(gone)
    assert failure.cause == "tenant_not_found"
    assert failure.technical.startswith("AADSTS90002: Tenant '5b1c1e1e")
    other.routes["openid-configuration"] = reply(
        400, {"error": "invalid_tenant", "error_description": "AADSTS90002: x"}
    )
    assert token_error(app_of(other.cloud())).cause == "tenant_not_found"
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
def test_non_json_answer_is_classified_by_its_status(
    other: HttpsServer, path: str, answer: Answer, cause: str, wait: float | None
) -> None:
    other.routes[path] = answer
    failure = token_error(app_of(other.cloud()))
    assert (failure.cause, failure.retry_after) == (cause, wait)
    assert "\n" not in failure.technical


@pytest.mark.control(58)
@pytest.mark.parametrize("path", ["openid-configuration", "/token"])
def test_repeated_secret_is_redacted(other: HttpsServer, path: str) -> None:
    """Even one that looks like nothing."""

    def echoes(request: Request) -> bytes:
        said = f"You sent {request.form.get('client_secret', 'zebra')} and {'zebra'}"
        return reply(400, {"error": "invalid_client", "error_description": said})(request)

    other.routes[path] = echoes
    failure = token_error(app_of(other.cloud(), secret="zebra"))
    assert "zebra" not in failure.technical
    assert "[hidden]" in failure.technical


@pytest.mark.control(47)
@pytest.mark.parametrize("fault", ["stranger", "expired", "other_host"])
def test_secret_is_not_sent_with_a_wrong_certificate(authorities: Authorities, stack: ExitStack, fault: str) -> None:
    server = stack.enter_context(HttpsServer(getattr(authorities, fault), authorities.ca_file))
    assert token_error(app_of(server.cloud())).cause == "tls"
    assert server.requests == []
