"""An HTTP/1.1 server over TLS with one thread for each connection, keep-alive, and one write for each response.

Benchmarks run against it, and `http.server` is too slow for that: it parses headers as e-mail and writes line by line.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedReader
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

LOGGER = logging.getLogger(__name__)
MAX_BODY_BYTES = 160 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
MAX_HEADERS = 200
HANDSHAKE_SECONDS = 10


class ResetConnection(Exception):
    """Raised by a handler: reset the TCP connection without a response."""


class BadRequest(Exception):
    """The request is not valid HTTP; the connection is closed."""


@dataclass(slots=True)
class Request:
    """One request: `path` is decoded, header names are in lower case, of equal query keys the last counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    connection: dict[str, object] = field(default_factory=dict)
    """State of the connection (an NTLM login is valid for its connection)."""

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        content = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, json.dumps(value).encode(), {**content, **(headers or {})})

    @classmethod
    def of_html(cls, page: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        content = {"Content-Type": "text/html; charset=utf-8"}
        return cls(status, page.encode(), {**content, **(headers or {})})


Handler = Callable[[Request], Response]


class WebServer:
    """Serves `handler` on 127.0.0.1 until closed. The handler runs in several threads in parallel."""

    def __init__(self, handler: Handler, context: ssl.SSLContext, port: int = 0) -> None:
        self._handler = handler
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._acceptor = threading.Thread(target=self._accept, name="sandbox-accept", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """Stop listening, shut down all connections and wait for all threads."""
        self._closing = True
        # shutdown() wakes the thread that waits in accept(); close() does not.
        socket.socket.shutdown(self._listener, socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                _shut_down(connection)
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name="sandbox-connection", daemon=True)
            with self._lock:
                self._connections.add(connection)
                self._threads.add(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        connection: socket.socket = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(HANDSHAKE_SECONDS)
            # Registered before the handshake, so that close() also ends a connection without one.
            with self._lock:
                self._connections.discard(plain)
                secured = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
                connection = secured
                self._connections.add(connection)
                if self._closing:
                    return
            secured.do_handshake()
            connection.settimeout(None)
            with connection.makefile("rb", 65536) as reader:
                self._serve_requests(connection, cast("BufferedReader", reader))
        except ResetConnection:
            # With linger 0 close() sends a TCP reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError, BadRequest):
            pass  # the client closed the connection, or sent no valid TLS or HTTP
        finally:
            with self._lock:
                self._connections.discard(plain)
                self._connections.discard(connection)
                self._threads.discard(threading.current_thread())
            connection.close()

    def _serve_requests(self, connection: socket.socket, reader: BufferedReader) -> None:
        memory: dict[str, object] = {}
        while not self._closing:
            request = _read_request(connection, reader, memory)
            if request is None:
                return
            try:
                response = self._handler(request)
            except ResetConnection:
                raise
            except Exception:
                LOGGER.exception("The sandbox failed at %s %s", request.method, request.path)
                response = Response(500)
            ends = request.headers.get("connection", "").lower() == "close" or "Connection" in response.headers
            connection.sendall(_serialised(request, response, ends))
            if ends:
                return


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _read_request(connection: socket.socket, reader: BufferedReader, memory: dict[str, object]) -> Request | None:
    line = reader.readline(MAX_LINE_BYTES)
    if not line:
        return None
    try:
        method, target, _version = line.decode("latin-1").split()
    except ValueError as error:
        raise BadRequest("request line") from error
    headers = _read_headers(reader)
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = _read_body(reader, headers)
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) if parts.query else {}
    return Request(method, unquote(parts.path), query, headers, body, memory)


def _read_headers(reader: BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = reader.readline(MAX_LINE_BYTES)
        if line in (b"\r\n", b"\n", b""):
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise BadRequest("too many headers")


def _read_body(reader: BufferedReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(reader)
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY_BYTES:
        raise BadRequest("body too large")
    body = reader.read(length) if length else b""
    if len(body) < length:
        raise BadRequest("body cut short")
    return body


def _read_chunks(reader: BufferedReader) -> bytes:
    chunks, total = [], 0
    while size := int(reader.readline(MAX_LINE_BYTES).partition(b";")[0], 16):
        total += size
        if total > MAX_BODY_BYTES:
            raise BadRequest("body too large")
        chunks.append(reader.read(size))
        reader.readline(MAX_LINE_BYTES)
    _read_headers(reader)
    return b"".join(chunks)


def _serialised(request: Request, response: Response, ends: bool) -> bytes:
    try:
        reason = HTTPStatus(response.status).phrase
    except ValueError:
        reason = ""
    lines = [f"HTTP/1.1 {response.status} {reason}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items() if name != "Connection"]
    lines.append(f"Content-Length: {len(response.body)}")
    if ends:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return head if request.method == "HEAD" else head + response.body
