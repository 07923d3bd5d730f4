"""The generic webhook, against servers of every temper: what it sends, and what it makes of each answer."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alertadmin.outbox import messages
from alertadmin.outbox.channels import webhook
from alertadmin.outbox.channels.notification import Notification
from mailer.errors import Acceptance, SendError
from mailer.http.ssrf_guard import EgressAllowlist
from mailer.transports import Receipt
from tests.helpers.timeouts import IN_TIME
from tests.mailer.https_server import HttpsServer, reply
from tests.outbox.channels.conftest import LOOPBACK, NOTICE
from tests.outbox.channels.http_server import HttpServer

KEY = "a key of forty characters or so, for test"
NOW = datetime(2026, 11, 24, 9, 0, 30, tzinfo=UTC)


def posted(server: HttpsServer, path: str = "/hook", notice: Notification = NOTICE, **options: object) -> Receipt:
    settings = {"allowed": LOOPBACK, "signing_key": KEY, "now": NOW, "ca_file": server.ca_file or None, **options}
    return webhook.post(server.url + path, notice, **settings)  # type: ignore[arg-type]


def failed(server: HttpsServer, path: str = "/hook", **options: object) -> SendError:
    with pytest.raises(SendError) as caught:
        posted(server, path, **options)  # type: ignore[arg-type]
    return caught.value


# What it sends


def test_it_posts_the_notice_as_json(server: HttpServer) -> None:
    receipt = posted(server)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["user-agent"] == "alertadmin"
    assert json.loads(request.body) == {
        "id": str(NOTICE.id),
        "event": "reminder",
        "at": "2026-11-24T08:30:00+00:00",
        "subject": NOTICE.subject,
        "text": NOTICE.text,
        "items": [dict(NOTICE.details[0])],
    }
    assert (receipt.message_id, receipt.answer) == (str(NOTICE.id), "HTTP 200")


def test_a_second_one_has_the_same_key_and_body_and_its_own_time(server: HttpServer) -> None:
    posted(server)
    # PostgreSQL may return an object's names in another order.
    again = replace(NOTICE, details=tuple(dict(reversed([*details.items()])) for details in NOTICE.details))
    posted(server, notice=again, now=NOW + timedelta(hours=1))
    first, second = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == str(NOTICE.id)
    assert first.body == second.body
    assert int(second.headers["alertadmin-timestamp"]) - int(first.headers["alertadmin-timestamp"]) == 3600
    assert first.headers["alertadmin-signature"] != second.headers["alertadmin-signature"]


def test_without_a_key_it_is_not_signed(server: HttpServer) -> None:
    posted(server, signing_key=None)
    assert not [name for name in server.requests[0].headers if name.startswith("alertadmin-")]


def test_a_login_in_the_address_is_sent_as_basic_authentication(server: HttpServer) -> None:
    url = server.url.replace("http://", "http://user:pass%20word@")
    webhook.post(url, NOTICE, allowed=LOOPBACK)
    assert server.requests[0].headers["authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="


def test_a_proxy_of_the_environment_has_no_say(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    posted(server)
    assert len(server.requests) == 1


# What it makes of an answer


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_status_from_200_on_is_a_yes(server: HttpServer, status: int) -> None:
    server.routes[""] = reply(status)
    assert posted(server).answer == f"HTTP {status}"


@pytest.mark.parametrize(
    ("status", "cause", "outcome", "retry"),
    [
        (400, "other", Acceptance.NOT_SENT, False),
        (401, "other", Acceptance.NOT_SENT, False),
        (403, "other", Acceptance.NOT_SENT, False),
        (404, "other", Acceptance.NOT_SENT, False),
        (405, "other", Acceptance.NOT_SENT, False),
        (408, "transient", Acceptance.NOT_SENT, True),
        (410, "other", Acceptance.NOT_SENT, False),
        (413, "message_too_large", Acceptance.NOT_SENT, False),
        (429, "throttled", Acceptance.NOT_SENT, True),
        (500, "transient", Acceptance.UNKNOWN, True),
        (502, "transient", Acceptance.UNKNOWN, True),
        (503, "transient", Acceptance.NOT_SENT, True),
        (504, "transient", Acceptance.UNKNOWN, True),
        (999, "transient", Acceptance.UNKNOWN, True),
    ],
)
def test_each_refusal_has_its_class(
    server: HttpServer, status: int, cause: str, outcome: Acceptance, retry: bool
) -> None:
    server.routes[""] = reply(status, "the hook is\r\nswitched off", content_type="text/plain", retry_after="120")
    failure = failed(server)
    assert (failure.cause, failure.outcome, failure.retry) == (cause, outcome, retry)
    assert failure.technical == f"HTTP {status}: the hook is switched off"
    assert failure.retry_after == (120 if retry else None)


def test_a_page_is_not_quoted(server: HttpServer) -> None:
    server.routes[""] = reply(404, "<html>Not here</html>", content_type="text/html")
    assert failed(server).technical == "HTTP 404"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_refusal_that_says_so(server: HttpServer, status: int) -> None:
    server.routes[""] = reply(status, location=f"{server.url}/elsewhere")
    failure = failed(server)
    assert failure.technical == messages.REDIRECTED % {"status": status}
    assert (failure.outcome, failure.retry) == (Acceptance.NOT_SENT, status in (302, 303, 307))
    assert [request.path for request in server.requests] == ["/hook"]


@pytest.mark.control(44)
def test_a_redirect_to_an_address_inside_leads_nowhere(server: HttpServer) -> None:
    inside = HttpServer()
    with inside:
        server.routes[""] = reply(307, location=inside.url)
        failed(server, allowed=EgressAllowlist.parse(f"127.0.0.1:{server.port}"))
    assert inside.connections == 0


@pytest.mark.control(58)
def test_address_and_key_are_redacted_from_errors(server: HttpServer) -> None:
    server.routes[""] = reply(403, f"no /T0KEN-in-the-path?sig=querysecret, {KEY}")
    failure = failed(server, "/T0KEN-in-the-path?sig=querysecret")
    for secret in ("T0KEN", "querysecret", KEY):
        assert secret not in str(failure)
    assert failure.technical.startswith("HTTP 403: no ")


def test_network_errors_do_not_contain_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    with pytest.raises(SendError) as caught:
        webhook.post(
            f"http://user:passw0rd@127.0.0.1:{closed}/services/T0KEN-in-the-path?sig=querysecret",
            NOTICE,
            allowed=LOOPBACK,
        )
    assert (caught.value.cause, caught.value.outcome, caught.value.retry) == ("network", Acceptance.NOT_SENT, True)
    for secret in ("T0KEN", "querysecret", "passw0rd"):
        assert secret not in str(caught.value)


def test_unknown_host_is_not_sent() -> None:
    with pytest.raises(SendError) as caught:
        webhook.post("https://unknown.invalid/hook", NOTICE, allowed=LOOPBACK)
    assert (caught.value.cause, caught.value.outcome, caught.value.retry) == ("network", Acceptance.NOT_SENT, True)
    assert caught.value.technical.startswith("NameResolutionError: Failed to resolve 'unknown.invalid' (")


def test_details_that_are_no_plain_text_arrive_as_they_are(server: HttpServer) -> None:
    notice = replace(NOTICE, subject="Ende naht: “ÄÖÜ”\u2028\x00", details=({"n": 1, "none": None},))
    webhook.post(server.url, notice, allowed=LOOPBACK)
    told = json.loads(server.requests[0].body)
    assert (told["subject"], told["items"]) == (notice.subject, [{"n": 1, "none": None}])


def test_it_is_over_within_its_time(server: HttpServer) -> None:
    def waits(request: object) -> bytes:
        server.closing.wait(30)
        return b""

    server.routes[""] = waits
    begun = time.monotonic()
    failure = failed(server, timeout=1.5)
    assert time.monotonic() - begun < IN_TIME
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
