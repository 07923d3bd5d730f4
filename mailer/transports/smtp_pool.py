"""Logged-in connections to mail servers, kept for the next message.

Many mails leave one after another. A message takes four round trips; connecting, greeting, TLS and login take seven
more. Measured on loopback over TLS: 2.5 ms of processor time on a kept connection, 7 ms on a new one. It matters for a
relay, which nothing paces; and Exchange Online takes three connections of a mailbox at once, which are counted here.
What waits too long says goodbye, and what the server has cut meanwhile is made anew: before the first line of a message
that is known to be safe.
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

IDLE = 10.0
"""Seconds. Servers wait for minutes; firewalls, and whoever restarts a server, do not."""
AT_ONCE = 3
"""Connections. Source: Exchange Online limits, "SMTP AUTH: concurrent connections" of a mailbox."""


class Endpoint(NamedTuple):
    """Where to, as whom, and proven by what."""

    server: str
    who: str
    proof: str


class _Line(Protocol):
    def part(self) -> None:
        """Says goodbye, and raises nothing."""


Line = TypeVar("Line", bound=_Line)


class SmtpPool(Generic[Line]):
    """Threads share them; each connection has one user at a time."""

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._waiting: list[tuple[float, Endpoint, Line]] = []
        """Each with the moment at which it has waited long enough; the first of them first."""
        self._rooms: defaultdict[tuple[str, str], threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(AT_ONCE)
        )
        self._lock = threading.Lock()
        self._usher: threading.Thread | None = None
        weakref.finalize(self, _part_all, self._waiting)

    @contextmanager
    def room(self, door: Endpoint) -> Iterator[None]:
        """For one of the few connections that a server takes at once of somebody. Raises TimeoutError."""
        with self._lock:
            room = self._rooms[door.server, door.who]
        if not room.acquire(timeout=deadline_sockets.left()):
            raise TimeoutError("the connections that the server takes at once were busy")
        try:
            yield
        finally:
            room.release()

    def checkout(self, door: Endpoint) -> Line | None:
        """The one that came last, which the server knows best."""
        with self._lock:
            for place in reversed(range(len(self._waiting))):
                until, whose, line = self._waiting[place]
                if whose == door and until > time.monotonic():
                    del self._waiting[place]
                    return line
        return None

    def checkin(self, door: Endpoint, line: Line) -> None:
        with self._lock:
            self._waiting.append((time.monotonic() + self._idle, door, line))
            if self._usher is None:
                self._usher = threading.Thread(target=self._see_out, name="smtp-usher", daemon=True)
                self._usher.start()

    def _see_out(self) -> None:
        """Ends with the last that waits."""
        while True:
            with self._lock:
                now = time.monotonic()
                over = [line for until, _door, line in self._waiting if until <= now]
                del self._waiting[: len(over)]
                if not over and not self._waiting:
                    self._usher = None
                    return
                pause = self._waiting[0][0] - now if self._waiting else 0.0
            for line in over:
                line.part()
            time.sleep(pause)


def _part_all(waiting: list[tuple[float, Endpoint, Line]]) -> None:
    while waiting:
        waiting.pop()[2].part()
