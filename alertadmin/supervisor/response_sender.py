"""Pass the response of a WSGI application from the thread that makes it to the event loop that sends it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

PIECE = 64 * 1024
"""Bytes that are passed to the server at once; a shorter response is sent in one piece."""
MADE_AHEAD = 16 * 1024 * 1024
"""Bytes of a long response that are made ahead of its client. Up to this size the thread does not wait."""
MOST_WAITING = 2
"""Threads that may wait for the clients of longer responses."""
UNREAD = 128 * 1024 * 1024
"""Bytes of all responses that wait for their clients."""
PATIENCE = 60.0
"""Seconds within which a client must read a piece, or is disconnected."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ReaderTooSlow(Exception):
    """The rest of a response is not made, because its client does not read it or has disconnected."""


class Unread:
    """The budget of all responses that wait for their clients. If it is used up, the response whose client has not read
    for longest is cut off.

    For one event loop; only `threads` is used by others.
    """

    def __init__(self, budget: int = UNREAD) -> None:
        self._budget = budget
        self._sizes: dict[ResponseSender, int] = {}
        self.threads = threading.BoundedSemaphore(MOST_WAITING)

    def set(self, answer: ResponseSender, size: int) -> None:
        self._sizes.pop(answer, None)
        self._sizes[answer] = size  # moved to the end
        while sum(self._sizes.values()) > self._budget:
            oldest = next(iter(self._sizes))
            del self._sizes[oldest]
            oldest.cut()

    def forget(self, answer: ResponseSender) -> None:
        self._sizes.pop(answer, None)


class ResponseSender:
    """One response. `make` runs in a thread, `send` in the event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, unread: Unread, on_made: Callable[[], None], *, is_head: bool
    ) -> None:
        """`on_made` is called once, in the event loop, when `make` has returned or raised."""
        self._loop, self._unread, self._on_made, self._is_head = loop, unread, on_made, is_head
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._begun: asyncio.Future[None] = loop.create_future()
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_whole = False
        self._is_cut = False
        self._came = asyncio.Event()
        self._room = threading.Semaphore(MADE_AHEAD // PIECE)

    def make(self, application: Wsgi, environ: dict[str, Any]) -> None:
        """Run the application. Raises what the application raises, and ReaderTooSlow."""
        try:
            parts = application(environ, self._start_response)
            last = b""
            try:
                for piece in _pieces(parts):
                    self._wait_for_room()
                    if last:
                        self._call_in_loop(self._take, last)
                    last = piece
            finally:
                if close := getattr(parts, "close", None):
                    close()
            self._call_in_loop(self._end, last)  # a short response wakes the loop once
        except BaseException as error:
            self._call_in_loop(self._fail, error)
            raise

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        self._status = int(status[:3])
        self._headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    def _wait_for_room(self) -> None:
        if self._room.acquire(blocking=False):
            return
        if not self._unread.threads.acquire(blocking=False):
            raise ReaderTooSlow
        try:
            self._room.acquire()  # released when the client has read a piece, or the response was cut off
        finally:
            self._unread.threads.release()

    def _call_in_loop(self, call: Callable[..., None], *args: object) -> None:
        if self._is_cut and call == self._take:
            raise ReaderTooSlow
        self._loop.call_soon_threadsafe(call, *args)

    def _take(self, piece: bytes) -> None:
        if self._is_cut:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        self._came.set()
        if self._size > PIECE:
            self._unread.set(self, self._size)
            self._begin()

    def _end(self, last: bytes) -> None:
        self._on_made()
        self._is_whole = True
        if last:
            self._take(last)
        self._came.set()
        self._begin()

    def _begin(self) -> None:
        if not self._begun.done():
            self._begun.set_result(None)

    def _fail(self, error: BaseException) -> None:
        self._on_made()
        if not self._begun.done():
            self._begun.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
        self.cut()

    def cut(self) -> None:
        """Close the connection before the end of the response, so that the client knows. A thread that waits for room
        continues and raises ReaderTooSlow."""
        self._is_cut = True
        self._pieces.clear()
        self._came.set()
        self._room.release()

    async def send(self, send: Send) -> None:
        await self._begun
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        if self._is_head or (self._is_whole and self._size <= PIECE):
            await send({"type": "http.response.body", "body": b"" if self._is_head else b"".join(self._pieces)})
            self.cut()
            return
        try:
            await self._send_pieces(send)
        finally:
            self._unread.forget(self)

    async def _send_pieces(self, send: Send) -> None:
        while not self._is_cut:
            if self._pieces:
                piece = self._pieces.pop(0)
                try:
                    message = {"type": "http.response.body", "body": piece, "more_body": True}
                    await asyncio.wait_for(send(message), PATIENCE)
                except TimeoutError:
                    self.cut()
                self._size -= len(piece)
                self._room.release()
                if not self._is_cut:
                    self._unread.set(self, self._size)
            elif self._is_whole:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            else:
                self._came.clear()
                await self._came.wait()


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of PIECE bytes; one row of an export has only some hundred."""
    buffer = bytearray()
    for part in parts:
        buffer += part
        while len(buffer) >= PIECE:
            yield bytes(buffer[:PIECE])
            del buffer[:PIECE]
    if buffer:
        yield bytes(buffer)
