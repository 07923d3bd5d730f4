"""Channels through the operator's proxy: webhooks, and services in their confined process. The guard against internal
addresses still holds, as far as this machine can know."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from alertadmin.outbox.channels import transport, webhook
from alertadmin.outbox.channels.apprise import client
from mailer.errors import Acceptance, Answer, SendError
from mailer.http import outbound_proxy
from mailer.http.outbound_proxy import OutboundProxy
from mailer.http.ssrf_guard import EgressAllowlist
from tests.helpers.connect_proxy import REQUIRED, ConnectProxy
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import HttpsServer, reply
from tests.outbox.channels.conftest import NOTICE

NAME = "hooks.services.example.com"
"""A name that the proxy alone knows."""
PASSWORD = "canary-of-the-proxy"
NOTHING_INSIDE = EgressAllowlist()


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    look_up = socket.getaddrinfo

    def closed(host: str, *args: object, **options: object) -> object:
        if str(host).endswith(".example.com"):
            raise socket.gaierror(-2, "Name or service not known")
        return look_up(host, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", closed)
    yield
    outbound_proxy.use(None)


@pytest.fixture(scope="module", autouse=True)
def trusted(authorities: Authorities) -> Iterator[None]:
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = authorities.ca_file
    client.end()
    yield
    client.end()
    os.environ.pop("SSL_CERT_FILE")
    if before is not None:
        os.environ["SSL_CERT_FILE"] = before


@pytest.fixture
def service(authorities: Authorities, stack: ExitStack) -> HttpsServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authorities.ours.issue_cert(NAME).configure_cert(context)
    server = stack.enter_context(HttpsServer(context, authorities.ca_file))
    server.routes[""] = reply(200, "ok")
    return server


def send(url: str, allowed: EgressAllowlist = NOTHING_INSIDE, ca_file: str | None = None) -> object:
    if ca_file:
        return webhook.post(url, NOTICE, allowed=allowed, ca_file=ca_file)
    return transport.send_notification(url, NOTICE, allowed=allowed)


URLS = {"a webhook": f"https://{NAME}/hook", "a service": f"jsons://{NAME}/hook"}


@pytest.mark.parametrize("kind", ["http", "https"])
@pytest.mark.parametrize("url", [pytest.param(url, id=name) for name, url in URLS.items()])
def test_a_channel_whose_name_the_proxy_alone_knows(
    service: HttpsServer, authorities: Authorities, stack: ExitStack, url: str, kind: str
) -> None:
    tls = authorities.good if kind == "https" else None
    proxy = stack.enter_context(ConnectProxy(f"jdoe:{PASSWORD}", tls, names={NAME: ("127.0.0.1", service.port)}))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(f"jdoe:{PASSWORD}"), ca_file=authorities.ca_file if tls else ""))
    send(url, ca_file=authorities.ca_file if url.startswith("https") else None)
    assert len(service.requests) == 1
    assert proxy.asked == [f"{NAME}:443"]
    assert not any("proxy" in header for header in service.requests[0].headers)


ANSWERS = {
    "403": (b"HTTP/1.1 403 Forbidden\r\n\r\n", "does not allow"),
    "407": (REQUIRED, "refused the user name"),
    "502": (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "could not reach"),
    "garbage": (b"220 mail.example ESMTP\r\n", "something other than HTTP"),
    "closed": (b"", "closed the connection"),
    "reset": (b"reset", "broke the connection off"),
}


@pytest.mark.parametrize("url", [pytest.param(url, id=name) for name, url in URLS.items()])
@pytest.mark.parametrize(("answer", "said"), ANSWERS.values(), ids=ANSWERS)
def test_each_refusal_is_the_proxys(stack: ExitStack, url: str, answer: bytes, said: str) -> None:
    proxy = stack.enter_context(ConnectProxy(answer=answer, reset=answer == b"reset"))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(f"jdoe:{PASSWORD}")))
    with pytest.raises(SendError) as caught:
        send(url)
    failure = caught.value
    assert (failure.cause, failure.retry) == ("proxy", True)
    assert (failure.outcome, failure.answer) == (Acceptance.NOT_SENT, Answer.NOT_REACHED)
    assert f"The proxy {proxy.place} " in failure.technical
    assert said in failure.technical
    assert PASSWORD not in f"{failure!r}"


INTERNAL = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "[::1]",
    "[fd00::1]",
    "[::ffff:10.0.0.1]",
    "localhost",
    "intranet",
    "vault.corp",
    "printer.local",
    "metadata.google.internal",
    "router.home.arpa",
    "nas.lan.",
]


@pytest.mark.parametrize("host", INTERNAL)
def test_internal_targets_are_refused_before_the_proxy_is_asked(stack: ExitStack, host: str) -> None:
    proxy = stack.enter_context(ConnectProxy())
    outbound_proxy.use(OutboundProxy.parse(proxy.url()))
    with pytest.raises(SendError) as caught:
        send(f"https://{host}/hook")
    assert "outbox.internal_address" in caught.value.technical
    assert proxy.asked == []


def test_a_name_that_leads_inside_here_is_refused(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outside name whose address is internal: nip.io, or rebinding."""
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", 443))]

    def look_up(host: str, *_args: object, flags: int = 0, **_options: object) -> object:
        if flags:
            raise socket.gaierror(-2, "Name or service not known")
        return inside

    proxy = stack.enter_context(ConnectProxy())
    outbound_proxy.use(OutboundProxy.parse(proxy.url()))
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(SendError) as caught:
        send("https://10.0.0.5.nip.example.com/hook")
    assert "outbox.internal_address" in caught.value.technical
    assert proxy.asked == []


def test_a_listed_internal_host_is_reached_directly_and_guarded(
    secure_server: HttpsServer, authorities: Authorities, stack: ExitStack
) -> None:
    proxy = stack.enter_context(ConnectProxy())
    outbound_proxy.use(OutboundProxy.parse(proxy.url(), "localhost"))
    with pytest.raises(SendError) as caught:
        send(f"{secure_server.url}/hook", ca_file=authorities.ca_file)
    assert "outbox.internal_address" in caught.value.technical
    send(f"{secure_server.url}/hook", EgressAllowlist.parse("127.0.0.0/8, ::1"), ca_file=authorities.ca_file)
    assert len(secure_server.requests) == 1
    assert proxy.asked == []
