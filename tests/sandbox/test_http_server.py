"""The HTTP server: parallel clients, keep-alive, and clients that send no HTTP."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import requests

from sandbox import Sandbox
from tests.sandbox.conftest import mime


def connected(sandbox: Sandbox) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    port = int(sandbox.url.rsplit(":", 1)[1])
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost")


def received(client: ssl.SSLSocket) -> bytes:
    whole = b""
    while chunk := client.recv(65536):
        whole += chunk
    return whole


def test_64_parallel_clients_lose_nothing(sandbox: Sandbox, graph_token: str) -> None:
    url = f"{sandbox.url}/graph/v1.0/users/alarms@northpark.example/sendMail"
    headers = {"Authorization": f"Bearer {graph_token}", "Content-Type": "text/plain"}

    def send(client: int) -> list[int]:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(sandbox.ca_file)
            bodies = [b64encode(mime(message_id=f"<{client}.{number}@x>")) for number in range(5)]
            return [session.post(url, data=body, headers=headers, timeout=30).status_code for body in bodies]

    with ThreadPoolExecutor(64) as pool:
        statuses = [status for each in pool.map(send, range(64)) for status in each]
    assert statuses == [202] * 320
    assert len({one["message_id"] for one in sandbox.ledger.messages()}) == 320


def test_one_connection_serves_many_requests_and_ends_when_asked(sandbox: Sandbox) -> None:
    with connected(sandbox) as client:
        client.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert received(client).count(b"HTTP/1.1 404 Not Found") == 2


def test_a_chunked_body_is_read(sandbox: Sandbox) -> None:
    with connected(sandbox) as client:
        client.sendall(
            b"POST /northpark.example/oauth2/v2.0/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\nb\r\ngrant_type=\r\n1\r\nx\r\n0\r\n\r\n"
        )
        assert b"'client_id'" in received(client)


def test_a_client_that_expects_100_is_told_to_go_on(sandbox: Sandbox) -> None:
    with connected(sandbox) as client:
        client.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"x")
        assert received(client).startswith(b"HTTP/1.1 404")


def test_connection_without_tls_or_http_is_closed(sandbox: Sandbox, session: requests.Session) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        plain.settimeout(10)
        with suppress(ConnectionResetError):
            plain.recv(1024)
    with connected(sandbox) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert received(client) == b""
    assert session.get(f"{sandbox.url}/_sandbox/", timeout=10).status_code == 200
