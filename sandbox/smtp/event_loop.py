"""The event loop of the SMTP servers, in its own thread."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable

from aiosmtpd.smtp import SMTP


class MailLoop:
    """Serves any number of SMTP listeners until closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._open: set[SMTP] = set()
        self._thread = threading.Thread(target=self._run, name="sandbox-smtp", daemon=True)
        self._thread.start()

    def serve(self, factory: Callable[[], SMTP], port: int) -> int:
        """Listen on 127.0.0.1; returns the port. `factory` creates the protocol of one connection."""

        def connected() -> SMTP:
            protocol = factory()
            self._open.add(protocol)
            return protocol

        async def listen() -> asyncio.Server:
            return await self._loop.create_server(connected, "127.0.0.1", port, backlog=256)

        server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result()
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def remove(self, protocol: SMTP) -> None:
        self._open.discard(protocol)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        """Run and close the loop in this thread; the thread that closes the sandbox may have a loop of its own."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for protocol in list(self._open):
            cut(protocol)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def cut(protocol: SMTP) -> None:
    """End a connection with a TCP reset, without a TLS shutdown."""
    transport = protocol._original_transport or protocol.transport
    if not isinstance(transport, asyncio.WriteTransport):
        return
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
