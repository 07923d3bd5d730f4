"""Item 7: clients that send half a request, or read slowly, occupy no thread: /healthz still answers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from tests.attacks.web_server import WITHIN, WebServer, resident_bytes
from tests.helpers.timeouts import IN_TIME
from tests.supervisor.installation import eventually

pytestmark = [pytest.mark.control(86)]

COOKIE = b"Cookie: csrf=" + b"a" * 32 + b"\r\n"
"""Without one a form is refused before its body is read."""
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\n" + COOKIE + FORM
GET = b"GET /static/0.1.0/css/bootstrap.min.css HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    started = WebServer(tmp_path_factory.mktemp("web"))
    try:
        started.wait_until_ready()
        yield started
    finally:
        assert started.stop() < IN_TIME + 10


SLOW = {
    "connections that say nothing": (40, b""),
    "half-open headers": (40, b"GET /healthz HTTP/1.1\r\nHost: loc"),
    "half-sent bodies": (8, POST + b"Content-Length: 1000\r\n\r\nlogin=a"),
    "many half-sent bodies": (200, POST + b"Content-Length: 1000\r\n\r\nlogin=a"),
    "large bodies but for a byte": (40, POST + b"Content-Length: 2000000\r\n\r\n" + b"a" * 1_900_000),
    "chunks without an end": (40, POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
    "files without an end": (
        8,
        POST.replace(FORM, b"Content-Type: multipart/form-data; boundary=x\r\n")
        + b"Content-Length: 9000000\r\n\r\n--x",
    ),
    "readers who do not read": (40, GET * 20),
}


@pytest.mark.parametrize("kind", SLOW)
def test_07_slow_clients_do_not_stop_the_others(server: WebServer, kind: str) -> None:
    count, first_bytes = SLOW[kind]
    with contextlib.ExitStack() as held:
        for connection in server.open_many(count, first_bytes):
            held.enter_context(connection)
        assert server.seconds_of_healthz() < WITHIN


def test_07_bodies_that_are_held_share_one_budget(server: WebServer) -> None:
    before = resident_bytes(server.pid)
    with contextlib.ExitStack() as held:
        for connection in server.open_many(120, SLOW["large bodies but for a byte"][1]):
            held.enter_context(connection)
        answer = server.ask(POST + b"Connection: close\r\nContent-Length: 7\r\n\r\nlogin=a")
        assert answer.startswith(b"HTTP/1.1 403"), "an honest form finds room"
        assert resident_bytes(server.pid) - before < 200_000_000


def test_07_a_reader_of_a_byte_a_time_gets_the_whole(server: WebServer) -> None:
    with server.connect() as connection:
        connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        for _byte in range(200):
            assert connection.recv(1)
        rest = 0
        while piece := connection.recv(65_536):
            rest += len(piece)
    assert rest > 200_000


@pytest.mark.slow
def test_07_what_stays_half_said_is_closed(server: WebServer) -> None:
    """After HEADERS_WITHIN; by the server, so that connections do not gather."""
    ended = threading.Event()
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")

        def wait() -> None:
            with contextlib.suppress(OSError):
                connection.recv(1000)
            ended.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert eventually(ended.is_set, IN_TIME + 10)
        waiting.join()


REFUSED = {
    "chunked": (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b"400"),
    "a length that is none": (b"Content-Length: +3\r\n\r\nabc", b"400"),
    "a form too large": (b"Content-Length: 3000000\r\n\r\n", b"413"),
    "headers too large": (b"X-A: " + b"a" * 200_000 + b"\r\n\r\n", b"431"),
    "two hosts": (b"Host: other\r\nContent-Length: 0\r\n\r\n", b"400"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_07_what_could_be_read_in_two_ways_or_is_too_much_is_refused(server: WebServer, kind: str) -> None:
    rest, status = REFUSED[kind]
    answer = server.ask(POST + b"Connection: close\r\n" + rest)
    assert answer.split()[1] == status, answer[:300]
