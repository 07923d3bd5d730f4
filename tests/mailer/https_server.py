"""An HTTPS server with scripted responses, for servers other than the sandbox and for misbehaving ones."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from mailer.clouds import Cloud
from tests.mailer.tcp_server import Cut, Listener, Peer


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """names in lower case"""
    body: bytes
    peer: Peer = field(repr=False)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


Answer = Callable[[Request], bytes]
"""The whole answer as bytes; or it sends by itself, waits, raises Cut."""


class HttpsServer(Listener):
    """`routes` are ends of paths to answers, tried in order; `requests` keeps what came."""

    def __init__(self, context: ssl.SSLContext, ca_file: str) -> None:
        super().__init__()
        self.context = context
        self.ca_file = ca_file
        self.routes: dict[str, Answer] = {}
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def cloud(self, **changes: Any) -> Cloud:
        """This server as all doors of a cloud."""
        doors = {
            "authority": self.url,
            "graph": f"{self.url}/graph",
            "ews": f"{self.url}/EWS/Exchange.asmx",
            "smtp": "localhost:1",
            "exchange_resource": "https://outlook.office365.com",
            "graph_resource": "https://graph.microsoft.com",
            "ca_file": self.ca_file,
        }
        return Cloud(slug="other", label="Other", **{**doors, **changes})

    def came(self, end: str) -> list[Request]:
        return [request for request in self.requests if request.path.endswith(end)]

    def greet(self, peer: Peer) -> None:
        peer.secure(self.context)

    def converse(self, peer: Peer) -> None:
        self.greet(peer)
        while (request := _read(peer)) is not None:
            self.requests.append(request)
            answer = next((answer for end, answer in self.routes.items() if request.path.endswith(end)), _nothing_here)
            if said := answer(request):
                peer.send(said)
            if b"connection: close" in said.lower():
                return


def reply(status: int = 200, body: bytes | str | Mapping[str, Any] = b"", **headers: str) -> Answer:
    """A fixed answer; underscores in header names stand for hyphens. A mapping is sent as JSON."""
    content = (
        json.dumps(body).encode() if isinstance(body, Mapping) else body.encode() if isinstance(body, str) else body
    )
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Told'}", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    said = "\r\n".join(lines).encode() + b"\r\n\r\n" + content
    return lambda request: said


def in_turn(*answers: Answer) -> Answer:
    """The first answer first, the last one for ever."""
    waiting = list(answers)
    return lambda request: (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)


def _nothing_here(request: Request) -> bytes:
    return reply(404)(request)


def _read(peer: Peer) -> Request | None:
    line = peer.reader.readline()
    if not line:
        return None
    method, path, _version = line.decode("latin-1").split()
    headers = {}
    while (line := peer.reader.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers, peer.reader.read(int(headers.get("content-length", "0"))), peer)


def never_answers(server: HttpsServer) -> Answer:
    """Waits until the server is closed."""

    def waits(request: Request) -> bytes:
        server.closing.wait(30)
        return b""

    return waits


def drips(server: HttpsServer, head: bytes) -> Answer:
    """Sends the head, then a byte every 20 ms until the server is closed."""

    def says(request: Request) -> bytes:
        request.peer.send(head)
        while not server.closing.wait(0.02):
            request.peer.send(b".")
        return b""

    return says


def cuts(request: Request) -> bytes:
    """Resets the connection."""
    raise Cut
