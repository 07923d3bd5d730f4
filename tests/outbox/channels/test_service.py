"""Services by apprise, against local servers where the address contains a host: what is sent, how each response is
classified, and the confinement of the sending process."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from alertadmin.outbox import messages as outbox_messages
from alertadmin.outbox.channels import transport
from alertadmin.outbox.channels.apprise import client
from alertadmin.outbox.channels.apprise import service as apprise_service
from alertadmin.outbox.channels.notification import Notification
from mailer.errors import Acceptance, SendError
from mailer.http.ssrf_guard import EgressAllowlist
from mailer.transports import Receipt
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import HttpsServer, Request, in_turn, reply
from tests.mailer.tcp_server import Cut
from tests.outbox.channels.conftest import LOOPBACK, NOTICE
from tests.outbox.channels.http_server import HttpServer


@pytest.fixture(scope="module", autouse=True)
def trusted(authorities: Authorities) -> Iterator[None]:
    """As if the machine trusted the tests' authority; proxies are set as well, and must not matter."""
    before = dict(os.environ)
    os.environ.update({"SSL_CERT_FILE": authorities.ca_file, "HTTP_PROXY": "http://127.0.0.1:1"})
    client.end()
    yield
    client.end()
    os.environ.clear()
    os.environ.update(before)


def told(url: str, notice: Notification = NOTICE, **options: object) -> Receipt:
    return transport.send_notification(url, notice, **{"allowed": LOOPBACK, **options})  # type: ignore[arg-type]


def failed(url: str, notice: Notification = NOTICE, **options: object) -> SendError:
    with pytest.raises(SendError) as caught:
        told(url, notice, **options)
    return caught.value


def ntfy(server: HttpServer) -> str:
    return f"ntfy://127.0.0.1:{server.port}/alerts"


# What arrives


def test_ntfy(server: HttpServer) -> None:
    assert told(ntfy(server)).answer == "HTTP 200"
    (request,) = server.requests
    assert json.loads(request.body) == {"topic": "alerts", "title": NOTICE.subject, "message": NOTICE.text}


def test_gotify(server: HttpServer) -> None:
    told(f"gotify://127.0.0.1:{server.port}/AbCdEfGhIjKlMnO")
    (request,) = server.requests
    message = json.loads(request.body)
    assert request.headers["x-gotify-key"] == "AbCdEfGhIjKlMnO"
    assert (message["title"], message["message"]) == (NOTICE.subject, NOTICE.text)


def test_json(server: HttpServer) -> None:
    told(f"json://user:password@127.0.0.1:{server.port}/hook")
    (request,) = server.requests
    message = json.loads(request.body)
    assert (message["title"], message["message"]) == (NOTICE.subject, NOTICE.text)
    assert request.headers["authorization"].startswith("Basic ")


def test_mattermost_which_takes_what_slack_takes(server: HttpServer) -> None:
    told(f"mmost://127.0.0.1:{server.port}/3ccdd113474722377935511fc85d3dd4")
    (request,) = server.requests
    assert request.path == "/hooks/3ccdd113474722377935511fc85d3dd4"
    assert NOTICE.subject in json.loads(request.body)["text"]
    assert "Renew it before 1 December 2026." in json.loads(request.body)["text"]


def test_teams_by_a_workflow(secure_server: HttpsServer) -> None:
    secure_server.routes[""] = reply(202)
    told(f"workflows://localhost:{secure_server.port}/0123456789abcdef/signature-of-forty-characters")
    (request,) = secure_server.requests
    message = json.loads(request.body)
    (attachment,) = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard"
    title, text = attachment["content"]["body"]
    assert title["text"] == NOTICE.subject
    assert text["text"] == "Renew it before 1 December 2026.\n\n– alertadmin"


def test_matrix_logs_in_joins_and_sends(server: HttpServer) -> None:
    server.routes.clear()
    server.routes |= {
        "/login": reply(200, {"access_token": "syt_token", "home_server": "h", "user_id": "@duty:h", "device_id": "D"}),
        "/versions": reply(200, {"versions": ["v1.11"]}),
        "": reply(200, {"room_id": "!room:h", "event_id": "$1", "joined_rooms": []}),
    }
    told(f"matrix://duty:password@127.0.0.1:{server.port}/!room:h")
    (sent,) = [request for request in server.requests if "/send/" in request.path]
    assert NOTICE.text.splitlines()[0] in json.loads(sent.body)["body"]
    assert sent.headers["authorization"] == "Bearer syt_token"


def test_a_long_notice_is_split_and_loses_no_line(server: HttpServer) -> None:
    lines = [f"line {number} of a digest that is as long as a thousand secrets make it" for number in range(120)]
    told(ntfy(server), replace(NOTICE, text="\n".join(lines)))
    assert len(server.requests) == 2
    arrived = "\n".join(json.loads(request.body)["message"] for request in server.requests)
    assert [line for line in lines if line not in arrived] == []


# What is made of an answer


@pytest.mark.parametrize(
    ("status", "cause", "outcome", "retry"),
    [
        (403, "other", Acceptance.NOT_SENT, False),
        (413, "message_too_large", Acceptance.NOT_SENT, False),
        (429, "throttled", Acceptance.NOT_SENT, True),
        (500, "transient", Acceptance.UNKNOWN, True),
        (503, "transient", Acceptance.NOT_SENT, True),
        (301, "other", Acceptance.NOT_SENT, False),
    ],
)
def test_each_status_has_its_class(
    server: HttpServer, status: int, cause: str, outcome: Acceptance, retry: bool
) -> None:
    server.routes[""] = reply(status, {"error": "forbidden"}, content_type="application/json", retry_after="30")
    failure = failed(ntfy(server))
    assert (failure.cause, failure.outcome, failure.retry) == (cause, outcome, retry)
    assert failure.retry_after == (30 if retry else None)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("said", "outcome"),
    [('{"status": "error", "error": "no"}', Acceptance.NOT_SENT), ("<html>Maintenance</html>", Acceptance.UNKNOWN)],
)
def test_a_yes_without_the_service_s_own_yes_is_believed_only_if_it_says_no(
    server: HttpServer, said: str, outcome: Acceptance
) -> None:
    server.routes[""] = reply(200, said)
    failure = failed(f"rocket://duty:password@127.0.0.1:{server.port}/#general")
    assert failure.outcome == outcome


def test_partial_acceptance_is_uncertain(server: HttpServer) -> None:
    server.routes[""] = in_turn(reply(200), reply(403))
    failure = failed(f"ntfy://127.0.0.1:{server.port}/one/two")
    assert failure.outcome == Acceptance.UNKNOWN
    assert failure.technical == "HTTP 403"


def test_a_connection_that_is_reset_after_the_request_leaves_it_unknown(server: HttpServer) -> None:
    def cuts(request: Request) -> bytes:
        raise Cut

    server.routes[""] = cuts
    failure = failed(ntfy(server))
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)


def test_refused_connection_is_not_sent() -> None:
    failure = failed("ntfy://127.0.0.1:1/alerts")
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.NOT_SENT, True)


@pytest.mark.control(47)
def test_a_certificate_of_a_stranger_is_surely_not_sent(authorities: Authorities) -> None:
    with HttpsServer(authorities.stranger, "") as server:
        failure = failed(f"ntfys://localhost:{server.port}/alerts")
        assert not server.requests
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)


def test_a_server_that_never_answers_is_left_in_time(server: HttpServer) -> None:
    def waits(request: Request) -> bytes:
        server.closing.wait(30)
        return b""

    server.routes[""] = waits
    begun = time.monotonic()
    with pytest.raises(SendError) as caught:
        apprise_service.send(ntfy(server), NOTICE, allowed=LOOPBACK, seconds=0.5)
    assert time.monotonic() - begun < IN_TIME
    assert caught.value.outcome == Acceptance.UNKNOWN


def test_abandoned_process_is_uncertain(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(request: Request) -> bytes:
        server.closing.wait(30)
        return b""

    server.routes[""] = waits
    monkeypatch.setattr(client, "GRACE", -9.0)
    with pytest.raises(SendError) as caught:
        apprise_service.send(ntfy(server), NOTICE, allowed=LOOPBACK, seconds=10)
    assert (caught.value.technical, caught.value.outcome) == (outbox_messages.NO_ANSWER, Acceptance.UNKNOWN)
    assert len(server.requests) == 1


@pytest.mark.control(45)
def test_a_service_that_sleeps_is_left_in_time(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GRACE", 0.2)
    topics = "/".join(f"topic{number}" for number in range(30))  # a second apart from each other
    begun = time.monotonic()
    with pytest.raises(SendError) as caught:
        apprise_service.send(f"ntfy://127.0.0.1:{server.port}/{topics}", NOTICE, allowed=LOOPBACK, seconds=1)
    assert time.monotonic() - begun < IN_TIME
    assert caught.value.outcome == Acceptance.UNKNOWN


@pytest.mark.control(4)
def test_errors_contain_no_part_of_the_address(server: HttpServer) -> None:
    server.routes[""] = reply(403, "no: tk_supersecrettoken, user tk_supersecrettoken, alerts-topic")
    failure = failed(f"ntfy://tk_supersecrettoken@127.0.0.1:{server.port}/alerts-topic")
    assert failure.technical == "HTTP 403: no: [hidden], user [hidden], [hidden]"
    gone = failed("ntfys://tk_supersecrettoken@127.0.0.1:1/alerts-topic")
    assert "supersecret" not in str(gone)
    assert "topic" not in str(gone)


# Where it may not go


@pytest.mark.control(44)
def test_an_address_inside_is_not_called(server: HttpServer) -> None:
    failure = failed(ntfy(server), allowed=EgressAllowlist())
    assert (failure.technical, failure.outcome, failure.retry) == (
        outbox_messages.INTERNAL_ADDRESS,
        Acceptance.NOT_SENT,
        False,
    )
    assert server.connections == 0


@pytest.mark.control(44)
def test_a_redirect_leads_nowhere(server: HttpServer) -> None:
    with HttpServer() as inside:
        server.routes[""] = reply(307, location=inside.url)
        failed(
            f"json://127.0.0.1:{server.port}/?redirect=yes", allowed=EgressAllowlist.parse(f"127.0.0.1:{server.port}")
        )
        assert inside.connections == 0


def test_no_file_of_this_machine_is_sent(secure_server: HttpsServer, tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text('{"type": "message", "attachments": [{"contentType": "x", "secret": "of this machine"}]}')
    failure = failed(f"workflows://localhost:{secure_server.port}/workflow/signature?template={template}")
    assert failure.outcome == Acceptance.NOT_SENT
    assert not secure_server.requests


# What an address is


@pytest.mark.parametrize(
    ("url", "label", "kind"),
    [
        ("https://hooks.example/path?sig=x", "Webhook", "webhook"),
        ("http://10.0.0.1/", "Webhook", "webhook"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "Slack", "slack"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts", "Slack", "slack"),
        (
            "https://prod-1.westeurope.logic.azure.com:443/workflows/0a1b/triggers/manual/paths/invoke"
            "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcDEF123",
            "Microsoft Teams",
            "workflows",
        ),
        ("ntfy://alerts", "ntfy", "ntfy"),
        ("matrixs://duty:password@matrix.example/#room", "Matrix", "matrix"),
        ("gotifys://push.example/AbCdEfGhIjKlMnO", "Gotify", "gotify"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "Telegram", "telegram"),
        ("jsons://example.com/hook", "JSON", "custom_json"),
    ],
)
def test_an_address_is_known_by_what_it_leads_to(url: str, label: str, kind: str) -> None:
    service = transport.check_address(url)
    assert (service.label, service.kind) == (label, kind)
    assert service.can_be_signed == (kind == "webhook")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "starts with"),
        ("hooks.example/secrettoken", "starts with"),
        ("mailbox:secrettoken", "starts with"),
        ("https://", "complete"),
        ("https:///secrettoken", "complete"),
        ("https://hooks.example:0/secrettoken", "complete"),
        ("https://hooks.example:99999/secrettoken", "complete"),
        ("https://[::1/secrettoken", "complete"),
        ("https://hooks .example/secrettoken", "spaces"),
        ("https://hooks.example/secrettoken\nX: y", "spaces"),
        ("https://hooks.example/" + "x" * 2000, "longer"),
        ("slck://secrettoken/B/C", "known"),
        ("file:///etc/passwd", "known"),
        ("ftp://hooks.example/secrettoken", "known"),
        ("slack://secrettoken", "incomplete"),
        ("workflows://hooks.example/", "incomplete"),
        ("syslog://secrettoken", "web"),
        ("dbus://", "web"),
        ("rsyslog://10.0.0.1/secrettoken", "web"),
        ("mqtt://10.0.0.1/secrettoken", "web"),
        ("jsons://hooks.example/secrettoken?verify=no", "verified"),
    ],
)
def test_invalid_address_is_rejected_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        transport.check_address(url)
    (sentence,) = caught.value.messages
    assert words in sentence
    assert "secrettoken" not in sentence


def test_an_address_that_has_become_none_is_a_refusal() -> None:
    failure = failed("slack://secrettoken")
    assert (failure.technical, failure.outcome) == (outbox_messages.NO_ADDRESS, Acceptance.NOT_SENT)


def test_webhook_uses_the_same_entry_point(server: HttpServer) -> None:
    told(f"{server.url}/hook", replace(NOTICE, id=uuid4()), signing_key="key")
    assert "alertadmin-signature" in server.requests[0].headers
