"""Listening ports that answer well, or as a span of an outage says."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from tests.mailer.tcp_server import Cut, Peer
from tests.outages.answers import ProviderAnswer


@dataclass(frozen=True)
class Concern:
    """What a request is about, as far as is known when it is answered."""

    mailbox: str = ""
    operation: str = ""
    """At Graph: "sendMail", "create", "send", "get", "list" or "delete"; of a draft all but the first."""


NOTHING = Concern()
AnswerNow = Callable[[str, Concern], ProviderAnswer]
"""What the endpoint of this name answers at this moment."""


class Endpoint:
    """Serves until closed. While it refuses connections it keeps its port, so that the kernel gives it to no other."""

    def __init__(self, name: str, answer_now: AnswerNow, good: ssl.SSLContext, untrusted: ssl.SSLContext) -> None:
        self.name = name
        self.answer_now = answer_now
        self.good, self.untrusted = good, untrusted
        self.connections = 0
        self._peers: set[Peer] = set()
        self._threads: list[threading.Thread] = []
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._listens = False

    @property
    def connection_answer(self) -> str:
        return self.answer_now(self.name, NOTHING).connection

    def follow(self) -> None:
        """Listens or stops listening, according to the time. Every change closes open connections."""
        listens = self.connection_answer != "refused"
        if listens and not self._listens:
            self._socket.listen(128)
            thread = threading.Thread(target=self._accept, args=(self._socket,), daemon=True)
            thread.start()
        if self._listens and not listens:
            self._stop_listening()
            self._socket = _bound(self.port)
        self._listens = listens
        if self.connection_answer:
            self._drop_peers()

    def close(self) -> None:
        self._stop_listening()
        self._drop_peers()
        for thread in self._threads:
            thread.join()

    def converse(self, peer: Peer) -> None:
        """What an endpoint of this kind does with a connection."""
        raise NotImplementedError

    def secure(self, peer: Peer) -> None:
        peer.secure(self.untrusted if self.connection_answer == "untrusted certificate" else self.good)

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _drop_peers(self) -> None:
        for peer in list(self._peers):
            peer.shut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(Peer(connection),), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        self._peers.add(peer)
        reset = False
        try:
            self.converse(peer)
        except Cut:
            reset = True
        except (OSError, ValueError):
            pass  # the client went away, or refused our certificate
        finally:
            peer.close(reset=reset)
            self._peers.discard(peer)


def _bound(port: int) -> socket.socket:
    """Bound but not listening: the kernel refuses connections."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def wait_for_client(peer: Peer) -> None:
    """Says nothing until the client gives up."""
    while peer.reader.read(1):
        pass


@dataclass
class HttpRequest:
    method: str
    path: str
    """Without the query, unquoted."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""


class HttpEndpoint(Endpoint):
    """`handle` carries a request out and returns the whole answer."""

    is_secure = True

    def handle(self, request: HttpRequest, *, hidden: bool) -> bytes:
        raise NotImplementedError

    def concern(self, request: HttpRequest) -> Concern:
        return NOTHING

    def converse(self, peer: Peer) -> None:
        if self.is_secure:
            self.secure(peer)
        while (request := _read_head(peer)) is not None:
            answer = self.answer_now(self.name, self.concern(request))
            if answer.ending == "cut before":
                raise Cut
            request.body = peer.reader.read(int(request.headers.get("content-length", "0")))
            if answer.is_well:
                peer.send(self.handle(request, hidden=False))
                continue
            if answer.accepts:
                self.handle(request, hidden=True)
            if answer.ending == "cut after":
                raise Cut
            if answer.ending == "silence":
                wait_for_client(peer)
                return
            if answer.http is not None:
                peer.send(answer.http(self.name))
            return  # nothing more is said on this connection


def _read_head(peer: Peer) -> HttpRequest | None:
    line = peer.reader.readline()
    if not line:
        return None
    method, target, _version = line.decode("latin-1").split()
    headers = {}
    while (line := peer.reader.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return HttpRequest(method, unquote(parts.path), query, headers)
