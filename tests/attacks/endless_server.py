"""A server, with or without TLS, that answers as configured or never ends its answer."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from types import TracebackType
from typing import Any, Self

import trustme


class EndlessServer:
    def __init__(self, *, tls: bool = True) -> None:
        authority = trustme.CA()
        self._folder = tempfile.TemporaryDirectory()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        context = SSLContext(PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"{'https' if tls else 'http'}://localhost:{self._server.server_address[1]}"
        self.requests = 0
        self.drips = False
        self.closing = threading.Event()
        self.body, self.headers, self.status = b"{}", dict[str, str](), 200

    def answers(self, body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> None:
        self.body, self.headers, self.status = body, dict(headers or {}), status

    def close(self) -> None:
        """Ends what drips."""
        self.closing.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()


def _handler(server: EndlessServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests += 1
            self.send_response(server.status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(server.body) + 10_000 * server.drips))
            self.end_headers()
            try:
                while server.drips and not server.closing.is_set():
                    self.wfile.write(b" ")
                    server.closing.wait(0.2)
                self.wfile.write(server.body)
            except OSError:
                return  # the client had enough

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    return Handler
