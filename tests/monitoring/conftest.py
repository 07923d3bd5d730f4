from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.monitoring import broker
from alertadmin.monitoring.health_checks import Broker
from alertadmin.monitoring.models import Heartbeat
from tests.conftest import set_environment
from tests.mailer.https_server import HttpsServer, reply
from tests.mailer.tcp_server import Listener, Peer


@pytest.fixture
def broker_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests run without a broker; test_broker_state covers the report of a dead one."""
    monkeypatch.setattr(broker, "state", lambda: Broker.ANSWERS)


def alive(now: datetime) -> None:
    """A worker beats then."""
    Heartbeat.beat(Heartbeat.Source.WORKER, now)


class Watcher(HttpsServer):
    """A monitor that receives pings, without TLS, as in a local network."""

    def __init__(self) -> None:
        Listener.__init__(self)
        self.routes = {"/ping/0123-token": reply(200, "OK")}
        self.requests = []

    def greet(self, peer: Peer) -> None:
        """Nothing to agree on."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ping/0123-token"


@pytest.fixture
def watcher(settings: Settings) -> Iterator[Watcher]:
    with Watcher() as listening:
        pinging(settings, listening.url)
        yield listening


def pinging(settings: Settings, url: str) -> None:
    """As if the installation had been started with this address."""
    set_environment(settings, PING_URL=url)
    settings.PINGS = True


@pytest.fixture
def signed_in(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client
