"""HTTPS without the environment, without redirects, in time; and whether a request can have reached the server."""

from __future__ import annotations

import errno
import gzip
import socket
import ssl
import threading
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest
import requests

from mailer.errors import Answer as Judged
from mailer.http import deadline_sockets, http_session, wire_errors
from mailer.http.http_session import Session
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import Answer, HttpsServer, Request, reply
from tests.mailer.tcp_server import Cut, Listener, Peer


@pytest.fixture
def server(authorities: Authorities, stack: ExitStack) -> HttpsServer:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes[""] = reply(200, "fine")
    return server


@pytest.fixture
def session(server: HttpsServer, stack: ExitStack) -> Session:
    return stack.enter_context(Session(server.ca_file, timeout=20))


def never(server: HttpsServer) -> Answer:
    def waits(request: Request) -> bytes:
        server.closing.wait(30)
        return b""

    return waits


def drips(server: HttpsServer, head: bytes) -> Answer:
    def says(request: Request) -> bytes:
        request.peer.send(head)
        while not server.closing.wait(0.02):
            request.peer.send(b".")
        return b""

    return says


def cuts(request: Request) -> bytes:
    raise Cut


# The environment


def test_bundles_and_proxies_of_the_environment_have_no_say(
    server: HttpsServer, session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing.pem"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert session.get(server.url).text == "fine"


def test_a_bundle_of_the_environment_is_not_trusted_either(
    authorities: Authorities, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authorities.ca_file)
    with Session(timeout=20) as session, pytest.raises(requests.exceptions.SSLError):
        session.get(server.url)


def test_a_netrc_file_is_not_read(
    server: HttpsServer, session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    session.get(server.url)
    assert "authorization" not in server.requests[0].headers


@pytest.mark.control(47)
def test_there_is_no_http_without_tls(session: Session) -> None:
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.post("http://localhost/", data=b"secret")


@pytest.mark.parametrize("verb", ["get", "post", "put", "request"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: HttpsServer, session: Session, verb: str, status: int) -> None:
    server.routes[""] = reply(status, location=f"{server.url}/elsewhere")
    answer = session.request("GET", server.url) if verb == "request" else getattr(session, verb)(server.url)
    assert answer.status_code == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["http://[", "https://localhost:99999/", "\\\\", "javascript:x", ""])
def test_a_location_that_is_none_does_no_harm(server: HttpsServer, session: Session, location: str) -> None:
    server.routes[""] = reply(302, location=location)
    assert session.post(server.url).status_code == 302


def test_what_one_server_wants_remembered_is_told_to_none(server: HttpsServer, session: Session) -> None:
    server.routes[""] = reply(200, set_cookie="tenant=a; Path=/")
    session.get(server.url)
    session.get(server.url)
    assert "cookie" not in server.requests[1].headers


# Certificates


@pytest.mark.control(47)
@pytest.mark.parametrize("fault", ["stranger", "expired", "other_host"])
def test_a_certificate_that_is_not_right_is_refused_before_a_byte_is_said(
    authorities: Authorities, stack: ExitStack, fault: str
) -> None:
    server = stack.enter_context(HttpsServer(getattr(authorities, fault), authorities.ca_file))
    with Session(server.ca_file, timeout=20) as session, pytest.raises(requests.exceptions.SSLError) as caught:
        session.post(server.url, data=b"secret")
    failure = wire_errors.to_send_error(caught.value, sent=True)
    assert (failure.cause, failure.outcome, failure.retry) == ("tls", "not_sent", False)
    assert server.requests == []


@pytest.mark.control(47)
def test_a_server_that_knows_only_old_tls_is_refused(authorities: Authorities, stack: ExitStack) -> None:
    old = authorities.of_version(ssl.TLSVersion.TLSv1_1)
    server = stack.enter_context(HttpsServer(old, authorities.ca_file))
    with Session(server.ca_file, timeout=20) as session, pytest.raises(requests.exceptions.SSLError) as caught:
        session.get(server.url)
    assert wire_errors.to_send_error(caught.value, sent=True).cause == "tls"
    assert server.requests == []


# Time


def test_a_server_that_never_answers_is_left_in_time(server: HttpsServer) -> None:
    server.routes[""] = never(server)
    begun = monotonic()
    with Session(server.ca_file, timeout=0.3) as session, pytest.raises(requests.exceptions.ReadTimeout):
        session.post(server.url, data=b"x")
    assert monotonic() - begun < IN_TIME


@pytest.mark.control(45)
@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nx-", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", b""],
    ids=["head", "body", "all"],
)
def test_a_server_that_drips_is_left_in_time(server: HttpsServer, head: bytes) -> None:
    server.routes[""] = drips(server, head)
    begun = monotonic()
    with Session(server.ca_file, timeout=0.4) as session, pytest.raises(requests.RequestException) as caught:
        session.post(server.url, data=b"x")
    assert monotonic() - begun < IN_TIME
    assert wire_errors.to_send_error(caught.value, sent=True).cause == "network"


def test_a_call_may_have_a_time_of_its_own(server: HttpsServer, session: Session) -> None:
    server.routes[""] = never(server)
    begun = monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(server.url, timeout=0.2)
    assert monotonic() - begun < IN_TIME


# Size


@pytest.mark.control(45)
def test_an_answer_without_end_is_left(server: HttpsServer, session: Session) -> None:
    def floods(request: Request) -> bytes:
        request.peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n")
        while True:
            request.peer.send(b"." * 65_536)

    server.routes[""] = floods
    with pytest.raises(requests.RequestException, match="longer than 1000000 bytes"):
        session.get(server.url)


@pytest.mark.control(45)
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate, gzip", "x"])
def test_nothing_is_unpacked(server: HttpsServer, session: Session, encoding: str) -> None:
    server.routes[""] = reply(200, gzip.compress(b"\0" * 50_000), Content_Encoding=encoding)
    with pytest.raises(requests.RequestException, match="compressed, which was not asked for") as caught:
        session.get(server.url)
    assert caught.value.response is not None
    assert (caught.value.response.status_code, caught.value.response.content) == (200, b"")
    assert wire_errors.answer_of(caught.value) == Judged.FOREIGN


def test_no_compression_is_asked_for(server: HttpsServer, session: Session) -> None:
    session.get(server.url)
    assert server.requests[0].headers["accept-encoding"] == "identity"


# Whether anything left


def outcome(error: BaseException) -> str:
    return wire_errors.to_send_error(error, sent=True).outcome.value


def test_a_closed_port_took_nothing(session: Session) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(requests.ConnectionError) as caught:
            session.post(f"https://localhost:{free.getsockname()[1]}/", data=b"x")
    assert outcome(caught.value) == "not_sent"


def test_a_host_that_does_not_exist_took_nothing(session: Session) -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        session.post("https://no-such-host.invalid/", data=b"x")
    assert outcome(caught.value) == "not_sent"
    assert wire_errors.to_send_error(caught.value, sent=True).cause == "network"


def test_a_server_that_never_shakes_hands_took_nothing(authorities: Authorities, stack: ExitStack) -> None:
    class Deaf(Listener):
        def converse(self, peer: Peer) -> None:
            self.closing.wait(30)

    server = stack.enter_context(Deaf())
    with Session(authorities.ca_file, timeout=0.3) as session, pytest.raises(requests.RequestException) as caught:
        session.post(f"https://localhost:{server.port}/", data=b"x")
    assert outcome(caught.value) == "not_sent"


@pytest.mark.parametrize("fault", ["silent", "cut", "closed", "garbage", "alert"])
def test_after_a_whole_request_only_an_answer_tells(server: HttpsServer, session: Session, fault: str) -> None:
    def closes(request: Request) -> bytes:
        request.peer.shut()
        return b""

    def breaks_tls(request: Request) -> bytes:
        socket.socket.sendall(request.peer.socket, b"\x15\x03\x03\x00\x02\x02\x50")  # beneath TLS: no alert it knows
        return b""

    def babbles(request: Request) -> bytes:
        return b"\0\1\2\r\n\r\n"

    server.routes[""] = {
        "silent": never(server), "cut": cuts, "closed": closes, "garbage": babbles, "alert": breaks_tls
    }[fault]  # fmt: skip
    with pytest.raises(requests.RequestException) as caught:
        session.post(server.url, data=b"x", timeout=1.5)
    assert outcome(caught.value) == "unknown"


def test_a_server_that_stops_reading_in_the_middle_took_nothing(authorities: Authorities, stack: ExitStack) -> None:
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
def test_a_line_that_breaks_under_a_request_took_nothing(
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


def test_a_refusal_in_the_middle_of_a_large_body_is_heard(authorities: Authorities, stack: ExitStack) -> None:
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


def test_an_answer_cut_short_still_has_its_status(server: HttpsServer, session: Session) -> None:
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


# Connections


def test_calls_share_a_connection(server: HttpsServer, session: Session) -> None:
    for _ in range(5):
        session.post(server.url, data=b"x")
    assert server.connections == 1


def test_threads_have_a_connection_each_and_keep_it(server: HttpsServer, session: Session) -> None:
    together = threading.Barrier(4)

    def answers_when_all_are_there(request: Request) -> bytes:
        together.wait(5)
        return reply(200)(request)

    server.routes[""] = answers_when_all_are_there
    for _ in range(3):
        threads = [threading.Thread(target=session.post, args=(server.url,), kwargs={"data": b"x"}) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert server.connections == 4
    assert len(server.requests) == 12


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(server: HttpsServer, session: Session) -> None:
    session.post(server.url, data=b"x")
    server.requests[0].peer.shut()
    assert session.post(server.url, data=b"x").status_code == 200
    assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_made_anew(
    server: HttpsServer, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Firewalls forget silent connections without a word; what is sent into them would be a doubt."""
    session.post(server.url, data=b"x")
    monkeypatch.setattr(http_session, "MAX_IDLE_SECONDS", 0.0)
    session.post(server.url, data=b"x")
    assert server.connections == 2
