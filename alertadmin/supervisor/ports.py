"""Check whether a port is free, and whether a web server or broker responds on it."""

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
    """Raise NotStarted if this process cannot listen on the address now."""
    try:
        [(family, kind, protocol, _name, address), *_more] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NotStarted(f'"{host}" is no address of this machine.') from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            # Linux lets two sockets bind to one port as long as neither listens.
            listener.listen(1)
        except OSError as error:
            raise _refusal(host, port, error) from error


def free_port(preferred: int) -> int:
    """Return the preferred port of the loopback address, or another one if it is in use."""
    for port in (preferred, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            return int(listener.getsockname()[1])
    raise NotStarted("This machine has no free port left.")


async def answers_http(host: str, port: int, *, tls: bool = False) -> bool:
    """Return whether a web server responds on the address."""
    context = None
    if tls:
        # This is alertadmin's own server on this machine: the name in its certificate does not matter here.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection(WILDCARDS.get(host, host), port, ssl=context)
        return (await _exchange(reader, writer, request)).startswith(b"HTTP/1.")
    return False


async def answers_ping(path: Path) -> bool:
    """Return whether the broker on this Unix socket is ready (false while it loads its append-only file)."""
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_unix_connection(path)
        return (await _exchange(reader, writer, b"PING\r\n")).startswith(b"+PONG")
    return False


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Return the first line of the response."""
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
    return NotStarted(f"No program can listen on {host}, port {port}: {error.strerror}.")
