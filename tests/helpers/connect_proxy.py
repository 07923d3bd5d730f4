"""A proxy on loopback that opens tunnels by CONNECT: over TCP or TLS, with or without a login, or scripted answers.

It alone knows the names in `names`, and records what was asked.
"""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.helpers.timeouts import IN_TIME

REQUIRED = b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="p"\r\n\r\n'


@dataclass
class ConnectProxy:
    login: str = ""
    """`user:password` that it asks for; empty: none."""
    tls: ssl.SSLContext | None = None
    names: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Addresses by host name."""
    answer: bytes | None = None
    """Sent in place of its own answer, after which it ends the connection."""
    reset: bool = False
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    """The `host:port` of each request."""
    heard: list[bytes] = field(default_factory=list)
    """Each request's header."""

    def __enter__(self) -> ConnectProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def place(self) -> str:
        return f"localhost:{self.port}"

    def url(self, login: str = "") -> str:
        return f"{'https' if self.tls else 'http'}://{login + '@' if login else ''}{self.place}"

    def _accept(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                connection, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(IN_TIME)
            if self.tls:
                with self.tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured)
            else:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        header = b""
        while not header.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            if not piece:
                return
            header += piece
            if header == b"\x16":  # TLS, which it does not speak
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
        self.heard.append(header)
        target = header.split(b" ")[1].decode()
        self.asked.append(target)
        if self.silent:
            self._ended.wait(IN_TIME)
        elif self.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        elif self.answer is not None:
            connection.sendall(self.answer)
        elif self.login and self._login_in(header) != self.login:
            connection.sendall(REQUIRED)
        else:
            self._tunnel(connection, target)

    @staticmethod
    def _login_in(header: bytes) -> str:
        for line in header.split(b"\r\n"):
            name, _colon, value = line.partition(b": ")
            if name.lower() == b"proxy-authorization":
                return base64.b64decode(value.partition(b" ")[2]).decode()
        return ""

    def _tunnel(self, connection: socket.socket, target: str) -> None:
        host, _colon, port = target.rpartition(":")
        address = self.names.get(host) or (host.strip("[]"), int(port))
        try:
            server = socket.create_connection(address, timeout=IN_TIME)
        except OSError:
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with server:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = time.monotonic() + IN_TIME
            while time.monotonic() < ends and not self._ended.is_set():
                is_pending = isinstance(connection, ssl.SSLSocket) and connection.pending()
                ready = [connection] if is_pending else select.select([connection, server], [], [], 0.2)[0]
                for one in ready:
                    piece = one.recv(65_536)
                    if not piece:
                        return
                    (server if one is connection else connection).sendall(piece)
