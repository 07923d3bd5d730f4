"""A server as `tests.mailer.https_server` has them, without TLS."""

from __future__ import annotations

import ssl

from tests.mailer.https_server import HttpsServer
from tests.mailer.tcp_server import Peer


class HttpServer(HttpsServer):
    def __init__(self) -> None:
        super().__init__(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "")

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def greet(self, peer: Peer) -> None:
        """No handshake."""
