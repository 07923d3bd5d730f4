"""The HTTPS session: environment, redirects, certificates, deadlines, size limits and connections."""

from __future__ import annotations

import gzip
import ssl
import threading
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest
import requests

from mailer.errors import Answer as Judged
from mailer.http import http_session, wire_errors
from mailer.http.http_session import Session
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import HttpsServer, Request, drips, never_answers, reply


@pytest.fixture
def server(authorities: Authorities, stack: ExitStack) -> HttpsServer:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes[""] = reply(200, "fine")
    return server


@pytest.fixture
def session(server: HttpsServer, stack: ExitStack) -> Session:
    return stack.enter_context(Session(server.ca_file, timeout=20))


# The environment


def test_environment_bundles_and_proxies_are_ignored(
    server: HttpsServer, session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing.pem"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert session.get(server.url).text == "fine"


def test_environment_bundle_is_not_trusted(
    authorities: Authorities, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authorities.ca_file)
    with Session(timeout=20) as session, pytest.raises(requests.exceptions.SSLError):
        session.get(server.url)


def test_a_netrc_file_is_not_read(
    server: HttpsServer, session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login someone password secret\n")
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
def test_invalid_location_is_ignored(server: HttpsServer, session: Session, location: str) -> None:
    server.routes[""] = reply(302, location=location)
    assert session.post(server.url).status_code == 302


def test_cookies_are_not_stored(server: HttpsServer, session: Session) -> None:
    server.routes[""] = reply(200, set_cookie="tenant=a; Path=/")
    session.get(server.url)
    session.get(server.url)
    assert "cookie" not in server.requests[1].headers


# Certificates


@pytest.mark.control(47)
@pytest.mark.parametrize("fault", ["stranger", "expired", "other_host"])
def test_wrong_certificate_is_refused_before_any_data_is_sent(
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


# Deadlines


def test_silent_server_times_out(server: HttpsServer) -> None:
    server.routes[""] = never_answers(server)
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
def test_slow_server_times_out(server: HttpsServer, head: bytes) -> None:
    server.routes[""] = drips(server, head)
    begun = monotonic()
    with Session(server.ca_file, timeout=0.4) as session, pytest.raises(requests.RequestException) as caught:
        session.post(server.url, data=b"x")
    assert monotonic() - begun < IN_TIME
    assert wire_errors.to_send_error(caught.value, sent=True).cause == "network"


def test_call_may_have_its_own_timeout(server: HttpsServer, session: Session) -> None:
    server.routes[""] = never_answers(server)
    begun = monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(server.url, timeout=0.2)
    assert monotonic() - begun < IN_TIME


# Size


@pytest.mark.control(45)
def test_endless_response_is_refused(server: HttpsServer, session: Session) -> None:
    def floods(request: Request) -> bytes:
        request.peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n")
        while True:
            request.peer.send(b"." * 65_536)

    server.routes[""] = floods
    with pytest.raises(requests.RequestException, match="longer than 1000000 bytes"):
        session.get(server.url)


@pytest.mark.control(45)
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate, gzip", "x"])
def test_compressed_response_is_refused(server: HttpsServer, session: Session, encoding: str) -> None:
    server.routes[""] = reply(200, gzip.compress(b"\0" * 50_000), Content_Encoding=encoding)
    with pytest.raises(requests.RequestException, match="compressed, which was not asked for") as caught:
        session.get(server.url)
    assert caught.value.response is not None
    assert (caught.value.response.status_code, caught.value.response.content) == (200, b"")
    assert wire_errors.answer_of(caught.value) == Judged.FOREIGN


def test_compression_is_not_requested(server: HttpsServer, session: Session) -> None:
    session.get(server.url)
    assert server.requests[0].headers["accept-encoding"] == "identity"


# Connections


def test_calls_share_a_connection(server: HttpsServer, session: Session) -> None:
    for _ in range(5):
        session.post(server.url, data=b"x")
    assert server.connections == 1


def test_each_thread_reuses_its_connection(server: HttpsServer, session: Session) -> None:
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


def test_closed_connection_is_replaced(server: HttpsServer, session: Session) -> None:
    session.post(server.url, data=b"x")
    server.requests[0].peer.shut()
    assert session.post(server.url, data=b"x").status_code == 200
    assert server.connections == 2


def test_idle_connection_is_replaced(server: HttpsServer, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Firewalls forget silent connections without a word; what is sent into them would be a doubt."""
    session.post(server.url, data=b"x")
    monkeypatch.setattr(http_session, "MAX_IDLE_SECONDS", 0.0)
    session.post(server.url, data=b"x")
    assert server.connections == 2
