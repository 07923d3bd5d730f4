"""A listener on loopback with one thread for each connection: the base of the scripted servers."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import IO, Self


class Cut(Exception):
    """Raised by a script: end the connection with a TCP reset."""


class Peer:
    """One client's connection, in clear or over TLS."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self.reader: IO[bytes] = plain.makefile("rb")

    def secure(self, context: ssl.SSLContext) -> None:
        self.reader.close()
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.reader = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def shut(self) -> None:
        """Shut the connection down, which also wakes threads that wait on it."""
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self, *, reset: bool) -> None:
        with suppress(OSError):
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.reader.close()
            self.socket.close()


class Listener:
    """Serves until closed. `closing` is set then: a server that never answers waits for it."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self.connections = 0
        self._peers: set[Peer] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def converse(self, peer: Peer) -> None:
        """Serve one connection."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        socket.socket.shutdown(self._listener, socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for peer in list(self._peers):
            peer.shut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
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
