"""Slow and endless responses, compression bombs, cut connections and bad TLS: by the webhook and by a service."""

from __future__ import annotations

import gzip
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from alertadmin.outbox.channels import http_session, webhook
from alertadmin.outbox.channels.apprise import service
from mailer.errors import Acceptance, SendError
from mailer.transports import Receipt
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import Answer, HttpsServer, Request, reply
from tests.mailer.tcp_server import Cut
from tests.outbox.channels.conftest import LOOPBACK, NOTICE
from tests.outbox.channels.http_server import HttpServer

pytestmark = pytest.mark.control(45)

SECONDS = 1.0
Told = Callable[[HttpServer], Receipt]


def by_webhook(server: HttpServer) -> Receipt:
    return webhook.post(f"{server.url}/hook", NOTICE, allowed=LOOPBACK, timeout=SECONDS)


def by_service(server: HttpServer) -> Receipt:
    return service.send(f"json://127.0.0.1:{server.port}/hook", NOTICE, allowed=LOOPBACK, seconds=SECONDS)


@pytest.fixture(params=[by_webhook, by_service])
def tell(request: pytest.FixtureRequest, server: HttpServer) -> Told:
    if request.param is by_service:  # loads apprise, which is not to be measured
        server.routes[""] = reply(200)
        by_service(server)
        server.requests.clear()
    told: Told = request.param
    return told


def drips(server: HttpServer, head: bytes, drop: bytes = b".") -> Answer:
    def says(request: Request) -> bytes:
        request.peer.send(head)
        while not server.closing.wait(0.05):
            request.peer.send(drop)
        return b""

    return says


def floods(server: HttpServer, head: bytes) -> Answer:
    """Until the other side has enough."""
    return drips_at_once(server, head, b"x" * 65_536)


def drips_at_once(server: HttpServer, head: bytes, piece: bytes) -> Answer:
    def says(request: Request) -> bytes:
        request.peer.send(head)
        while not server.closing.is_set():
            request.peer.send(piece)
        return b""

    return says


def failed(tell: Told, server: HttpServer) -> SendError:
    with pytest.raises(SendError) as caught:
        tell(server)
    return caught.value


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_head_that_drips_is_waited_for_no_longer_than_the_time(tell: Told, server: HttpServer, head: bytes) -> None:
    server.routes[""] = drips(server, head)
    begun = time.monotonic()
    failure = failed(tell, server)
    assert time.monotonic() - begun < IN_TIME
    assert failure.outcome == Acceptance.UNKNOWN


def test_a_success_whose_body_does_not_end_in_time_is_doubtful(tell: Told, server: HttpServer) -> None:
    server.routes[""] = drips(server, b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    begun = time.monotonic()
    assert failed(tell, server).outcome == Acceptance.UNKNOWN
    assert time.monotonic() - begun < IN_TIME


def test_a_refusal_whose_body_drips_is_a_refusal(tell: Told, server: HttpServer) -> None:
    server.routes[""] = drips(server, b"HTTP/1.1 403 No\r\ncontent-type: text/plain\r\n\r\nnot you ")
    failure = failed(tell, server)
    assert (failure.cause, failure.outcome) == ("other", Acceptance.NOT_SENT)
    assert failure.technical.startswith("HTTP 403: not you .")


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n"]
)
def test_of_a_body_without_end_little_is_read(tell: Told, server: HttpServer, head: bytes) -> None:
    server.routes[""] = floods(server, head)
    begun = time.monotonic()
    assert tell(server).answer == "HTTP 200"
    assert time.monotonic() - begun < IN_TIME


def test_a_head_without_end_is_no_answer(tell: Told, server: HttpServer) -> None:
    server.routes[""] = drips_at_once(server, b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n")
    assert failed(tell, server).outcome == Acceptance.UNKNOWN


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_of_a_bomb_little_is_unpacked(tell: Told, server: HttpServer, coding: str) -> None:
    bomb = (gzip.compress if coding == "gzip" else zlib.compress)(bytes(50_000_000))
    server.routes[""] = reply(403, bomb, content_encoding=coding, content_type="text/plain")
    failure = failed(tell, server)
    assert failure.technical == "HTTP 403"
    assert len(server.requests) == 1


def test_an_answer_is_read_up_to_its_limit_and_never_held_as_a_whole(server: HttpServer) -> None:
    server.routes[""] = reply(200, b"x" * 900_000)
    with http_session.ChannelSession() as session:
        session.post(server.url)  # loads everything that is loaded on first use
        tracemalloc.start()
        assert len(session.post(server.url).content) == http_session.MAX_RESPONSE
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 3_000_000


def test_what_is_no_gzip_takes_nothing_from_the_status(tell: Told, server: HttpServer) -> None:
    server.routes[""] = reply(200, b"no gzip at all", content_encoding="gzip")
    assert tell(server).answer == "HTTP 200"


def test_a_reset_before_the_answer_leaves_it_unknown(tell: Told, server: HttpServer) -> None:
    def cuts(request: Request) -> bytes:
        raise Cut

    server.routes[""] = cuts
    failure = failed(tell, server)
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.UNKNOWN, True)


def test_a_line_that_is_closed_without_an_answer_leaves_it_unknown(tell: Told, server: HttpServer) -> None:
    def closes(request: Request) -> bytes:
        request.peer.shut()
        return b"connection: close"

    server.routes[""] = closes
    assert failed(tell, server).outcome == Acceptance.UNKNOWN


def test_what_is_no_http_leaves_it_unknown(tell: Told, server: HttpServer) -> None:
    server.routes[""] = lambda request: b"220 mail.example ESMTP\r\nconnection: close\r\n"
    assert failed(tell, server).outcome == Acceptance.UNKNOWN


@pytest.mark.control(47)
@pytest.mark.parametrize("kind", ["stranger", "expired", "other_host", "old"])
def test_a_certificate_or_a_tls_that_is_no_good_is_refused_before_anything_is_said(
    authorities: Authorities, kind: str
) -> None:
    context: ssl.SSLContext = (
        authorities.of_version(ssl.TLSVersion.TLSv1_1) if kind == "old" else getattr(authorities, kind)
    )
    with HttpsServer(context, authorities.ca_file) as server:
        with pytest.raises(SendError) as caught:
            webhook.post(server.url, NOTICE, allowed=LOOPBACK, ca_file=authorities.ca_file)
        assert not server.requests
    assert (caught.value.cause, caught.value.outcome, caught.value.retry) == ("tls", Acceptance.NOT_SENT, False)
