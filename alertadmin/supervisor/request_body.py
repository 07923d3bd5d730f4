"""Buffer request bodies in memory while they arrive, all of them within one budget.

A body that arrives too slowly is dropped. If the budget is used up, the slowest incomplete body is dropped: many
requests that an attacker keeps open do not block others. Bodies are never written to disk: an import has secrets in
clear text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

BUDGET = 64 * 1024 * 1024
"""Bytes of all buffered bodies, complete or not."""
PATIENCE = 20.0
"""Seconds that a body of any length may take."""
SLOWEST = 16 * 1024
"""Bytes a second: a body may take another second for each multiple of this length."""

Receive = Callable[[], Awaitable[dict[str, Any]]]


class TooSlow(Exception):
    """The body did not arrive in time, or was dropped to make room for others."""


class Disconnected(Exception):
    """The client disconnected before the body was complete."""


class NoRoom(Exception):
    """The budget is used up by complete requests that wait for a response."""


@dataclass(eq=False)
class _Body:
    began: float
    deadline: asyncio.Timeout | None = None
    """Set until the body is complete; then None."""
    size: int = 0

    def rate(self, now: float) -> float:
        return self.size / max(now - self.began, 0.001)


class BodyBuffer:
    """The buffer of one event loop; not thread-safe."""

    def __init__(self, budget: int = BUDGET, patience: float = PATIENCE) -> None:
        self._budget, self._patience = budget, patience
        self._bodies: set[_Body] = set()

    @contextmanager
    def request(self) -> Iterator[_Body]:
        """Reserve the budget of one body until its request has a response."""
        body = _Body(asyncio.get_running_loop().time())
        self._bodies.add(body)
        try:
            yield body
        finally:
            self._bodies.discard(body)

    async def read(self, body: _Body, receive: Receive, length: int) -> bytes:
        """Return the complete body of `size` bytes. Raises TooSlow, Disconnected, NoRoom."""
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
