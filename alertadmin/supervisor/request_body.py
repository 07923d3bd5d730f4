"""Holds the bodies of requests in memory while they arrive, all of them within one budget.

A body that arrives too slowly is given up. Where the budget is used up, the slowest of those that still arrive makes
room: many that are held open on purpose shut out no honest one. Never on disk: an import holds secrets in clear.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

BUDGET = 64 * 1024 * 1024
"""Bytes of all bodies, whole or arriving, that are held at once."""
PATIENCE = 20.0
"""Seconds that any body may take."""
SLOWEST = 16 * 1024
"""Bytes a second; for each so many of its length a body gets another second."""

Receive = Callable[[], Awaitable[dict[str, Any]]]


class TooSlow(Exception):
    """It did not come in time, or others needed its room."""


class Disconnected(Exception):
    """The client went away before all of it came."""


class NoRoom(Exception):
    """The budget is used up by requests that wait to be answered."""


@dataclass(eq=False)
class _Body:
    began: float
    deadline: asyncio.Timeout | None = None
    """Until it is whole; None from then on."""
    size: int = 0

    def rate(self, now: float) -> float:
        return self.size / max(now - self.began, 0.001)


class BodyBuffer:
    """Used by one event loop alone."""

    def __init__(self, budget: int = BUDGET, patience: float = PATIENCE) -> None:
        self._budget, self._patience = budget, patience
        self._bodies: set[_Body] = set()

    @contextmanager
    def request(self) -> Iterator[_Body]:
        """Holds the room of one body until its request is answered."""
        body = _Body(asyncio.get_running_loop().time())
        self._bodies.add(body)
        try:
            yield body
        finally:
            self._bodies.discard(body)

    async def read(self, body: _Body, receive: Receive, length: int) -> bytes:
        """The whole body of so many bytes. Raises TooSlow, Disconnected, NoRoom."""
        content = bytearray()
        try:
            async with asyncio.timeout(self._patience + length / SLOWEST) as body.deadline:
                while len(content) < length:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    piece = message.get("body", b"")
                    self._make_room(body, len(piece))
                    body.size += len(piece)
                    content += piece
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise TooSlow from None
        finally:
            body.deadline = None
        if len(content) != length:
            raise Disconnected
        return bytes(content)

    def _make_room(self, of: _Body, size: int) -> None:
        now = asyncio.get_running_loop().time()
        while sum(body.size for body in self._bodies) + size > self._budget:
            arriving = [body for body in self._bodies if body.deadline is not None and body.size]
            if not arriving:
                raise NoRoom
            slowest = min(arriving, key=lambda body: body.rate(now))
            if slowest is of:
                raise TooSlow
            if slowest.deadline is not None:
                slowest.deadline.reschedule(now)
            slowest.deadline, slowest.size = None, 0
