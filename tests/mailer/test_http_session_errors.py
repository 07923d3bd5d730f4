"""The errors of the HTTPS session prove whether the request can have reached the server."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

import pytest
import requests

from mailer.http import deadline_sockets, wire_errors
from mailer.http.http_session import Session
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import HttpsServer, Request, cuts, never_answers, reply
from tests.mailer.tcp_server import Cut, Listener, Peer


@pytest.fixture
def server(authorities: Authorities, stack: ExitStack) -> HttpsServer:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes[""] = reply(200, "fine")
    return server


@pytest.fixture
def session(server: HttpsServer, stack: ExitStack) -> Session:
    return stack.enter_context(Session(server.ca_file, timeout=20))


# Whether anything left


def outcome(error: BaseException) -> str:
    return wire_errors.to_send_error(error, sent=True).outcome.value


def test_closed_port_is_not_reached(session: Session) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(requests.ConnectionError) as caught:
            session.post(f"https://localhost:{free.getsockname()[1]}/", data=b"x")
    assert outcome(caught.value) == "not_sent"


def test_unknown_host_is_not_reached(session: Session) -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        session.post("https://no-such-host.invalid/", data=b"x")
    assert outcome(caught.value) == "not_sent"
    assert wire_errors.to_send_error(caught.value, sent=True).cause == "network"


def test_failed_handshake_is_not_reached(authorities: Authorities, stack: ExitStack) -> None:
    class Deaf(Listener):
        def converse(self, peer: Peer) -> None:
            self.closing.wait(30)

    server = stack.enter_context(Deaf())
    with Session(authorities.ca_file, timeout=0.3) as session, pytest.raises(requests.RequestException) as caught:
        session.post(f"https://localhost:{server.port}/", data=b"x")
    assert outcome(caught.value) == "not_sent"


@pytest.mark.parametrize("fault", ["silent", "cut", "closed", "garbage", "alert"])
def test_error_after_a_whole_request_is_doubtful(server: HttpsServer, session: Session, fault: str) -> None:
    def closes(request: Request) -> bytes:
        request.peer.shut()
        return b""

    def breaks_tls(request: Request) -> bytes:
        socket.socket.sendall(request.peer.socket, b"\x15\x03\x03\x00\x02\x02\x50")  # beneath TLS: no alert it knows
        return b""

    def babbles(request: Request) -> bytes:
        return b"\0\1\2\r\n\r\n"

    server.routes[""] = {
        "silent": never_answers(server), "cut": cuts, "closed": closes, "garbage": babbles, "alert": breaks_tls
    }[fault]  # fmt: skip
    with pytest.raises(requests.RequestException) as caught:
        session.post(server.url, data=b"x", timeout=1.5)
    assert outcome(caught.value) == "unknown"


def test_partially_read_request_is_cut_before(authorities: Authorities, stack: ExitStack) -> None:
    class HalfDeaf(Listener):
        def converse(self, peer: Peer) -> None:
            peer.secure(authorities.good)
            peer.reader.read(1000)
            raise Cut

    server = stack.enter_context(HalfDeaf())
    with Session(authorities.ca_file, timeout=20) as session, pytest.raises(requests.RequestException) as caught:
        session.post(f"https://localhost:{server.port}/", data=b"." * 20_000_000)
    assert outcome(caught.value) == "not_sent"


@pytest.mark.parametrize("error", [BrokenPipeError(errno.EPIPE, "x"), ConnectionResetError(errno.ECONNRESET, "x")])
def test_connection_broken_during_the_request_is_cut_before(
    server: HttpsServer, session: Session, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    """Which error it is hangs on where TLS notices; urllib3 would swallow these two."""

    def breaks(connection: deadline_sockets.TlsSocket, data: bytes, flags: int = 0) -> int:
        if len(data) > 1000:
            raise error
        return sent(connection, data, flags)

    sent = deadline_sockets.TlsSocket.send
    monkeypatch.setattr(deadline_sockets.TlsSocket, "send", breaks)
    with pytest.raises(requests.RequestException) as caught:
        session.post(server.url, data=b"." * 2000)
    assert outcome(caught.value) == "not_sent"


def test_refusal_during_a_large_request_is_cut_before(authorities: Authorities, stack: ExitStack) -> None:
    class Strict(Listener):
        def converse(self, peer: Peer) -> None:
            peer.secure(authorities.good)
            peer.reader.read(1000)
            peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            while peer.reader.read1(65_536):  # type: ignore[attr-defined]
                pass

    server = stack.enter_context(Strict())
    with Session(authorities.ca_file, timeout=20) as session:
        assert session.post(f"https://localhost:{server.port}/", data=b"." * 3_000_000).status_code == 413


def test_truncated_response_has_its_status(server: HttpsServer, session: Session) -> None:
    def half(request: Request) -> bytes:
        request.peer.send(b"HTTP/1.1 202 Accepted\r\ncontent-length: 1000\r\n\r\nhalf")
        request.peer.shut()
        return b""

    server.routes[""] = half
    with pytest.raises(requests.RequestException) as caught:
        session.post(server.url, data=b"x")
    assert caught.value.response is not None
    assert caught.value.response.status_code == 202
    assert wire_errors.to_send_error(caught.value, sent=True).cause == "network"
