"""Servers on loopback, and what lets channels lead there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pytest_django import Settings

from alertadmin.outbox.channels.notification import Notification
from alertadmin.outbox.models import Channel
from mailer.http.ssrf_guard import EgressAllowlist
from tests.factories import Site
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import HttpsServer, reply
from tests.outbox.channels.http_server import HttpServer
from tests.outbox.channels.webhook_channels import webhook_to

LOOPBACK = EgressAllowlist.parse("127.0.0.0/8, ::1")
NOTICE = Notification(
    UUID("6b1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001"),
    "The secret “ALERT production” expires in 7 days",
    "Renew it before 1 December 2026.\n– alertadmin",
    datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
    details=({"app": "ALERT production", "expires_at": "2026-12-01T00:00:00+00:00"},),
)


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities.make(tmp_path_factory.mktemp("authorities"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def server(stack: ExitStack) -> HttpServer:
    """A plain HTTP server that accepts every request."""
    server = stack.enter_context(HttpServer())
    server.routes[""] = reply(200, "ok")
    return server


@pytest.fixture
def secure_server(stack: ExitStack, authorities: Authorities, tmp_path: Path) -> HttpsServer:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes[""] = reply(200, "ok")
    return server


@pytest.fixture
def loopback_is_allowed(settings: Settings) -> None:
    settings.INSIDE_TARGETS = LOOPBACK


@pytest.fixture
def receiver() -> Iterator[HttpServer]:
    with HttpServer() as server:
        server.routes[""] = reply(200, "ok")
        yield server


@pytest.fixture
def channel(receiver: HttpServer, site: Site) -> Channel:
    """A channel of the site's tenant, whose secret expires in five days."""
    return webhook_to(receiver.url, tenant=site.tenant)


@pytest.fixture
def last_resort(receiver: HttpServer) -> Channel:
    return webhook_to(receiver.url, "Last", line=None, is_last_resort=True)
