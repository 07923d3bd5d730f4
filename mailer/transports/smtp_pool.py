"""A pool of authenticated SMTP connections, kept for the next message.

A message takes four round trips; connecting, greeting, TLS and login take seven more. Measured on loopback over TLS:
2.5 ms of CPU time on a pooled connection, 7 ms on a new one. This matters for a relay, which has no rate limit.
Exchange Online allows three concurrent connections of a mailbox, which are counted here. Idle connections are closed
after `MAX_IDLE_SECONDS`, and one that the server closed is replaced; that is safe before the first line of a message.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, NamedTuple, Protocol, TypeVar

from mailer.http import deadline_sockets

MAX_IDLE_SECONDS = 10.0
"""Servers wait for minutes, but firewalls and restarts drop idle connections earlier."""
MAX_CONNECTIONS = 3
"""Of one mailbox. Source: Exchange Online limits, "SMTP AUTH: concurrent connections"."""


class Endpoint(NamedTuple):
    """Server, user and credential of a connection."""

    server: str
    user: str
    credential: str


class _Closable(Protocol):
    def disconnect(self) -> None:
        """Close the connection. Raises nothing."""


Connection = TypeVar("Connection", bound=_Closable)


class SmtpPool(Generic[Connection]):
    """Shared by threads; a connection is used by one thread at a time."""

    def __init__(self, idle: float = MAX_IDLE_SECONDS) -> None:
        self._idle = idle
        self._idle_connections: list[tuple[float, Endpoint, Connection]] = []
        """Idle connections with the time when each is closed, earliest first."""
        self._slots: defaultdict[tuple[str, str], threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(MAX_CONNECTIONS)
        )
        self._lock = threading.Lock()
        self._reaper: threading.Thread | None = None
        weakref.finalize(self, _disconnect_all, self._idle_connections)

    @contextmanager
    def slot(self, endpoint: Endpoint) -> Iterator[None]:
        """Hold one of the connections that the server allows the user concurrently. Raises TimeoutError."""
        with self._lock:
            slot = self._slots[endpoint.server, endpoint.user]
        if not slot.acquire(timeout=deadline_sockets.seconds_left()):
            raise TimeoutError("the connections that the server takes at once were busy")
        try:
            yield
        finally:
            slot.release()

    def checkout(self, endpoint: Endpoint) -> Connection | None:
        """The most recently used idle connection; None if there is none."""
        with self._lock:
            for position in reversed(range(len(self._idle_connections))):
                until, whose, connection = self._idle_connections[position]
                if whose == endpoint and until > time.monotonic():
                    del self._idle_connections[position]
                    return connection
        return None

    def checkin(self, endpoint: Endpoint, connection: Connection) -> None:
        with self._lock:
            self._idle_connections.append((time.monotonic() + self._idle, endpoint, connection))
            if self._reaper is None:
                self._reaper = threading.Thread(target=self._close_idle, name="smtp-pool", daemon=True)
                self._reaper.start()

    def _close_idle(self) -> None:
        """Close idle connections when their time is over. The thread ends with the last one."""
        while True:
            with self._lock:
                now = time.monotonic()
                over = [connection for until, _endpoint, connection in self._idle_connections if until <= now]
                del self._idle_connections[: len(over)]
                if not over and not self._idle_connections:
                    self._reaper = None
                    return
                pause = self._idle_connections[0][0] - now if self._idle_connections else 0.0
            for connection in over:
                connection.disconnect()
            time.sleep(pause)


def _disconnect_all(idle: list[tuple[float, Endpoint, Connection]]) -> None:
    while idle:
        idle.pop()[2].disconnect()
