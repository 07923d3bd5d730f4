"""The heartbeat ping: sent while all is well, stopped when scans or deliveries stop, and never blocking."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from alertadmin.environment import BadEnvironment, Environment
from alertadmin.monitoring import health_checks, heartbeat_ping, messages, tasks
from alertadmin.monitoring.models import Ping
from alertadmin.outbox.models import Delivery
from alertadmin.paths import PROJECT
from alertadmin.reminders.scan import scanner
from mailer.http import outbound_proxy
from mailer.http.outbound_proxy import OutboundProxy
from tests.commands.installation import Installation
from tests.conftest import NOW
from tests.helpers.connect_proxy import ConnectProxy
from tests.helpers.proxy_answers import ANSWERS, answering
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import HttpsServer, reply
from tests.mailer.tcp_server import Cut
from tests.monitoring.conftest import Watcher, alive, pinging
from tests.outbox.factories import bare

TOKEN = "0123-token"


@pytest.fixture
def scanned(db: None, broker_answers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a worker beats, through the hours of these tests."""
    monkeypatch.setattr(health_checks, "HEARTBEAT_AFTER", timedelta(days=2))
    scanner.run(NOW)
    alive(NOW)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities.make(tmp_path_factory.mktemp("authorities"))


def test_it_is_heard_while_all_is_well(watcher: Watcher, scanned: None) -> None:
    assert heartbeat_ping.send(NOW) is True
    assert [request.method for request in watcher.requests] == ["GET"]
    last = Ping.objects.get()
    assert (last.tried_at, last.answered_at, last.trouble) == (NOW, NOW, "")


@pytest.mark.parametrize("later", [timedelta(hours=27), timedelta(hours=-27)], ids=["none lately", "by a wild clock"])
def test_without_a_fresh_scan_it_is_silent(watcher: Watcher, scanned: None, later: timedelta) -> None:
    assert heartbeat_ping.send(NOW + later) is None
    assert watcher.requests == []


def test_no_ping_with_an_untried_delivery(watcher: Watcher, scanned: None) -> None:
    bare(1, NOW - timedelta(hours=2))
    assert heartbeat_ping.send(NOW) is None
    assert watcher.requests == []


def test_no_ping_without_configuration(scanned: None) -> None:
    assert heartbeat_ping.send(NOW) is None
    assert not Ping.objects.exists()


def test_ping_is_due_hourly_and_at_once_after_a_failure(watcher: Watcher, scanned: None) -> None:
    assert heartbeat_ping.is_due(NOW)
    heartbeat_ping.send(NOW)
    assert not heartbeat_ping.is_due(NOW + timedelta(minutes=54))
    assert heartbeat_ping.is_due(NOW + timedelta(minutes=55))
    assert heartbeat_ping.is_due(NOW - timedelta(days=1))  # a clock that was set back hides no silence
    watcher.routes.clear()
    heartbeat_ping.send(NOW + timedelta(hours=1))
    assert heartbeat_ping.is_due(NOW + timedelta(minutes=65))


def test_the_clock_s_task_pings_once(watcher: Watcher, db: None, broker_answers: None) -> None:
    scanner.run(timezone.now())
    alive(timezone.now())
    tasks.watch()
    tasks.watch()
    assert len(watcher.requests) == 1


def cut(_request: object) -> bytes:
    raise Cut


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply(404), messages.ANSWERED % {"status": 404}),
        (reply(500), messages.ANSWERED % {"status": 500}),
        (reply(302, location="https://elsewhere.example/"), messages.ANSWERED % {"status": 302}),
        (cut, messages.UNREACHABLE),
    ],
    ids=["unknown", "ill", "moved", "cut off"],
)
def test_failure_is_recorded_and_the_last_success_kept(watcher: Watcher, scanned: None, answer: Any, why: str) -> None:
    heartbeat_ping.send(NOW)
    watcher.routes[f"/ping/{TOKEN}"] = answer
    assert heartbeat_ping.send(NOW + timedelta(hours=1)) is False
    last = Ping.objects.get()
    assert (last.answered_at, last.trouble) == (NOW, why)
    assert len(watcher.requests) == 2


def test_slow_monitor_is_timed_out(watcher: Watcher, scanned: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_ping, "TIMEOUT", 0.5)

    def drip(_request: object) -> bytes:
        while not watcher.closing.wait(0.05):
            for peer in list(watcher._peers):
                peer.send(b"H")
        return b""

    watcher.routes[f"/ping/{TOKEN}"] = drip
    began = monotonic()
    assert heartbeat_ping.send(NOW) is False
    assert monotonic() - began < IN_TIME
    assert Ping.objects.get().trouble in (messages.TOO_SLOW, messages.UNREACHABLE)


@pytest.mark.control(47)
def test_a_certificate_of_a_stranger_is_not_believed(
    settings: Settings, scanned: None, authorities: Authorities
) -> None:
    with HttpsServer(authorities.stranger, authorities.ca_file) as server:
        pinging(settings, f"{server.url}/{TOKEN}")
        assert heartbeat_ping.send(NOW) is False
        assert server.requests == []
    assert Ping.objects.get().trouble == messages.UNTRUSTED


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/0123-token", messages.UNREACHABLE),
        ("https://unknown.invalid/0123-token", messages.UNKNOWN_NAME),
    ],
)
def test_why_it_was_not_heard_names_no_address(settings: Settings, scanned: None, url: str, why: str) -> None:
    pinging(settings, url)
    assert heartbeat_ping.send(NOW) is False
    assert Ping.objects.get().trouble == why


@pytest.mark.control(3)
def test_its_address_is_in_no_log(
    watcher: Watcher, settings: Settings, scanned: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(settings.LOGGING["loggers"]["urllib3"]["level"])
    assert heartbeat_ping.send(NOW) is True
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(settings.ENVIRONMENT)


def test_failed_ping_is_shown_and_does_not_affect_readiness(watcher: Watcher, scanned: None, signed_in: Client) -> None:
    watcher.routes.clear()
    scanner.run(timezone.now())
    alive(timezone.now())
    heartbeat_ping.send(timezone.now())
    for page in ("/", "/watching/"):
        text = signed_in.get(page, follow=True).content.decode()
        assert "was not received" in text
        assert "The server answered with status 404." in text
        assert TOKEN not in text
    assert signed_in.get("/readyz").status_code == 200


def test_cron_pings_too(watcher: Watcher, db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("send_reminders", "--json")
    assert '"ping": true' in capsys.readouterr().out
    assert len(watcher.requests) == 1
    watcher.routes.clear()
    call_command("send_reminders")
    assert "was not received" in capsys.readouterr().out


@pytest.mark.parametrize(
    "value",
    [
        "hc-ping.com/0123-token",
        "ftp://hc-ping.com/0123-token",
        "https://",
        "https://x:99999/0123-token",
        "https://x/a b",
    ],
)
def test_an_address_that_cannot_be_is_refused_at_the_start_and_not_repeated(value: str) -> None:
    with pytest.raises(BadEnvironment, match="ALERTADMIN_PING_URL must be") as refused:
        Environment(PROJECT, {"ALERTADMIN_PING_URL": value}).ping_url  # noqa: B018
    assert TOKEN not in str(refused.value)


def test_a_start_with_such_an_address_ends_with_the_sentence(tmp_path: Path) -> None:
    result = Installation(tmp_path / "data", {"ALERTADMIN_PING_URL": "hc-ping.com/0123-token"}).run("up")
    assert result.sentence.startswith("ALERTADMIN_PING_URL must be an address such as")
    assert TOKEN not in result.err


def test_test_delivery_is_not_a_problem(watcher: Watcher, scanned: None) -> None:
    bare(1, NOW - timedelta(days=1), purpose="test")
    assert Delivery.objects.exists()
    assert heartbeat_ping.send(NOW) is True


def test_ping_goes_through_the_outbound_proxy_and_its_refusal_is_said(watcher: Watcher, scanned: None) -> None:
    with ConnectProxy() as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        assert heartbeat_ping.send(NOW) is True
        assert proxy.asked == [f"127.0.0.1:{watcher.port}"]
        proxy.answer = b"HTTP/1.1 407 No\r\n\r\n"
        assert heartbeat_ping.send(NOW) is False
    assert Ping.objects.get().trouble == messages.PROXY_REFUSED


@pytest.mark.parametrize("answer", [answer for answer, _said in ANSWERS.values()], ids=ANSWERS)
def test_each_refusal_of_the_outbound_proxy_is_its_own_and_leaves_the_address_out(
    watcher: Watcher, scanned: None, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    with answering(answer) as proxy:
        monkeypatch.setattr(heartbeat_ping, "TIMEOUT", 0.4 if proxy.silent else 10)
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        assert heartbeat_ping.send(NOW) is False
        assert proxy.asked == [f"127.0.0.1:{watcher.port}"]
    assert Ping.objects.get().trouble == messages.PROXY_REFUSED
    assert watcher.requests == []


@pytest.mark.parametrize("kind", ["http", "https"])
@pytest.mark.parametrize("login", ["", "jdoe:canary"])
def test_ping_goes_through_every_kind_of_proxy(
    watcher: Watcher, scanned: None, authorities: Authorities, kind: str, login: str
) -> None:
    tls = authorities.good if kind == "https" else None
    with ConnectProxy(login, tls) as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url(login), ca_file=authorities.ca_file if tls else ""))
        assert heartbeat_ping.send(NOW) is True
        assert proxy.asked == [f"127.0.0.1:{watcher.port}"]


@pytest.mark.parametrize("listed", ["127.0.0.1", "127.0.0.0/8", "*"])
def test_ping_to_a_host_of_no_proxy_is_direct(watcher: Watcher, scanned: None, listed: str) -> None:
    with ConnectProxy() as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url(), listed))
        assert heartbeat_ping.send(NOW) is True
        assert proxy.asked == []
