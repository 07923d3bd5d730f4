"""An answer of a WSGI application, on its way from the thread that makes it to the event loop that sends it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

PIECE = 64 * 1024
"""Bytes that are handed to the server at once; what is no longer leaves as a whole."""
MADE_AHEAD = 16 * 1024 * 1024
"""Bytes of a long answer that are made ahead of its reader. Until then its thread is not held up."""
MOST_WAITING = 2
"""Threads that may wait for readers of longer ones."""
UNREAD = 128 * 1024 * 1024
"""Bytes of all answers that wait for their readers."""
PATIENCE = 60.0
"""Seconds in which a reader takes a piece, or is cut off."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ReaderTooSlow(Exception):
    """The rest of an answer is not made, because its reader does not take it, or is gone."""


class Unread:
    """What waits for readers, all of it within one budget. Where it is used up, the answer is cut of which a piece
    was taken least recently.

    Used by one event loop, but for `threads`.
    """

    def __init__(self, budget: int = UNREAD) -> None:
        self._budget = budget
        self._sizes: dict[ResponseSender, int] = {}
        self.threads = threading.BoundedSemaphore(MOST_WAITING)

    def set(self, answer: ResponseSender, size: int) -> None:
        self._sizes.pop(answer, None)
        self._sizes[answer] = size  # the last now
        while sum(self._sizes.values()) > self._budget:
            oldest = next(iter(self._sizes))
            del self._sizes[oldest]
            oldest.cut()

    def forget(self, answer: ResponseSender) -> None:
        self._sizes.pop(answer, None)


class ResponseSender:
    """`make` runs in a thread, `send` in the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, unread: Unread, on_made: Callable[[], None], *, is_head: bool
    ) -> None:
        """`on_made` is called once, in the loop, when `make` has come to its end, well or not."""
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
        """Raises what the application raises; ReaderTooSlow."""
        try:
            parts = application(environ, self._start_response)
            last = b""
            try:
                for piece in _pieces(parts):
                    self._wait_for_room()
                    if last:
                        self._tell(self._take, last)
                    last = piece
            finally:
                if close := getattr(parts, "close", None):
                    close()
            self._tell(self._end, last)  # a short answer wakes the loop once
        except BaseException as error:
            self._tell(self._fail, error)
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
            self._room.acquire()  # the sending side takes a piece, or cuts it
        finally:
            self._unread.threads.release()

    def _tell(self, call: Callable[..., None], *args: object) -> None:
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
        """Its connection ends without the answer's end, and its reader knows; a thread that waits for room goes on, to
        find that there is no reader."""
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
    """The same bytes in pieces of PIECE: a row of an export is some hundred."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)
