"""A line to PostgreSQL that is cut at the worst moment: the server has committed, and its answer never arrives."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class Cutter:
    """Proxies client and server until a client that has sent `marker` commits: the commit is forwarded, its answer is
    not, and the connection is closed. Only the first such connection is cut."""

    def __init__(self, server: Path, marker: bytes) -> None:
        self.has_cut = threading.Event()
        self._server = server
        self._marker = marker
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._ends: list[socket.socket] = [self._listener]

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Cutter:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in self._ends:
            _hang_up(end)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            self._ends += [client, server]
            is_cut = threading.Event()
            for target in (self._listen_to_client, self._listen_to_server):
                thread = threading.Thread(target=target, args=(client, server, is_cut))
                self._threads.append(thread)
                thread.start()

    def _listen_to_client(self, client: socket.socket, server: socket.socket, is_cut: threading.Event) -> None:
        was_marked = False
        with suppress(OSError):
            while said := client.recv(1 << 20):
                was_marked |= self._marker in said
                if was_marked and b"COMMIT" in said and not self.has_cut.is_set():
                    is_cut.set()
                    self.has_cut.set()
                server.sendall(said)
        _hang_up(server)

    def _listen_to_server(self, client: socket.socket, server: socket.socket, is_cut: threading.Event) -> None:
        with suppress(OSError):
            while answer := server.recv(1 << 20):
                if is_cut.is_set():
                    break
                client.sendall(answer)
        _hang_up(client)
        _hang_up(server)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
