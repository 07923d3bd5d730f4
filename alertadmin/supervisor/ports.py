"""Whether a door is free, and whether somebody answers behind it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from pathlib import Path

from alertadmin.supervisor.errors import NotStarted, PortOccupied

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nosec B104
BETWEEN_TRIES = 0.05


def check_free(host: str, port: int) -> None:
    """Raises NotStarted with a sentence if nobody can listen there now."""
    try:
        [(family, kind, protocol, _name, address), *_more] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NotStarted(f'"{host}" is no address of this machine.') from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            # On Linux two sockets may be bound to one port while neither listens.
            listener.listen(1)
        except OSError as error:
            raise _refusal(host, port, error) from error


def free_port(preferred: int) -> int:
    """The preferred port of this machine's own address, or any other if it is taken."""
    for port in (preferred, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            return int(listener.getsockname()[1])
    raise NotStarted("This machine has no free port left.")


async def answers_http(host: str, port: int, *, tls: bool = False) -> bool:
    """Whether a web server answers there at all."""
    context = None
    if tls:
        # Our own server, on this machine: by which name its certificate is known makes no difference here.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection(WILDCARDS.get(host, host), port, ssl=context)
        return (await _exchange(reader, writer, request)).startswith(b"HTTP/1.")
    return False


async def answers_ping(path: Path) -> bool:
    """Whether the broker behind this Unix socket is ready (not while it still loads what it kept)."""
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_unix_connection(path)
        return (await _exchange(reader, writer, b"PING\r\n")).startswith(b"+PONG")
    return False


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The first line of the answer."""
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.readline(), 5)
    except TimeoutError:
        return b""
    finally:
        writer.close()


def _refusal(host: str, port: int, error: OSError) -> NotStarted:
    if error.errno == errno.EADDRINUSE:
        return PortOccupied(f"Port {port} on {host} is in use by another program. Choose another with --port.")
    if error.errno == errno.EACCES:
        return NotStarted(f"Port {port} needs more rights than you have. Choose one above 1023 with --port.")
    if error.errno == errno.EADDRNOTAVAIL:
        return NotStarted(f"{host} is no address of this machine.")
    return NotStarted(f"Nobody can listen on {host}, port {port}: {error.strerror}.")
