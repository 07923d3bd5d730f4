"""The whole way through a proxy, the network closed otherwise: consent check, Graph, EWS and a channel; then the proxy
refuses, everything waits and says why, and goes on once it lets connections through again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.models import Consent, ConsentStatus
from alertadmin.registry.permissions import TransportName
from alertadmin.reminders.scan import scanner
from mailer.http import deadline_sockets, outbound_proxy
from sandbox import Sandbox
from tests.conftest import set_environment
from tests.factories import Site
from tests.helpers.connect_proxy import ConnectProxy
from tests.helpers.login import signed_in_at
from tests.mailer.certificate_authorities import Authorities
from tests.outbox.channels.http_server import HttpServer
from tests.outbox.channels.webhook_channels import bodies, webhook_to
from tests.outbox.factories import arrived
from tests.outbox.fake_clock import Time

PASSWORD = "canary-of-the-proxy"


@pytest.fixture(params=["http", "https"])
def proxy(
    request: pytest.FixtureRequest,
    stack: ExitStack,
    settings: Settings,
    authorities: Authorities,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ConnectProxy]:
    """It asks for a login, and is the only place that connections can be made to."""
    tls = authorities.good if request.param == "https" else None
    proxy = stack.enter_context(ConnectProxy(f"jdoe:{PASSWORD}", tls))
    given = {"HTTPS_PROXY": proxy.url(f"jdoe:{PASSWORD}"), "INSIDE_TARGETS": "127.0.0.0/8, ::1"}
    set_environment(settings, **given, **({"HTTPS_PROXY_CA_FILE": authorities.ca_file} if tls else {}))
    settings.INSIDE_TARGETS = settings.ENVIRONMENT.inside_targets
    outbound_proxy.use(settings.ENVIRONMENT.outbound_proxy)
    connect = deadline_sockets.PlainSocket.connect

    def guarded(plain: deadline_sockets.PlainSocket, address: tuple[str, int]) -> None:
        if address[1] != proxy.port:
            raise OSError(101, "Network is unreachable")
        connect(plain, address)

    monkeypatch.setattr(deadline_sockets.PlainSocket, "connect", guarded)
    yield proxy
    outbound_proxy.use(None)


@pytest.mark.django_db(transaction=True)
def test_journey_behind_a_proxy(
    proxy: ConnectProxy,
    make_site: Callable[..., Site],
    sandbox: Sandbox,
    server: HttpServer,
    time: Time,
    client: Client,
    administrator: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    by_graph = make_site(days=5, contacts=["duty@northpark.example"])
    make_site(days=5, contacts=["duty@southpark.example"], transport=TransportName.EWS, name="Southpark")
    webhook_to(server.url)
    check_consent(by_graph.app, by_graph.tenant, now=time())
    assert set(Consent.objects.values_list("status", flat=True)) == {ConsentStatus.GRANTED}

    scanner.run(time())
    deliveries = list(Delivery.objects.filter(recipient__startswith="duty@").order_by("recipient"))
    proxy.answer = b"HTTP/1.1 403 Forbidden\r\n\r\n"
    worker.deliver_due(clock=time)
    for attempt in Attempt.objects.all():
        assert attempt.cause == "proxy"
        assert f"The proxy {proxy.place} does not allow connections" in attempt.technical
    assert {delivery.state for delivery in Delivery.objects.filter(pk__in=[one.pk for one in deliveries])} == {
        "pending"
    }
    shown = [signed_in_at(client, administrator).get(f"/deliveries/{one.pk}/").content.decode() for one in deliveries]
    assert all("outbound proxy" in page and "Microsoft has a temporary problem" not in page for page in shown)
    status = client.get("/watching/").content.decode()

    proxy.answer = None
    time.passes(hours=3)
    worker.deliver_due(clock=time)
    services = [entry["service"] for delivery in deliveries for entry in arrived(sandbox, delivery)]
    assert sorted(services) == ["ews", "graph"]
    assert len(bodies(server)) >= 1
    assert {host.rpartition(":")[0] for host in proxy.asked} == {"localhost"}

    out = StringIO()
    call_command("check", stdout=out, stderr=out)
    texts = [*shown, status, out.getvalue(), caplog.text, *Attempt.objects.values_list("technical", flat=True)]
    assert not [text for text in texts if PASSWORD in text]
