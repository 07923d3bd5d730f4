"""A second TLS inside a TLS connection, as behind an https:// proxy: Python's TLS sockets need a socket of the system
below them, so a thread carries the bytes between one and the connection."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading

PIECE = 65_536
"""Bytes."""


def carry_over_tls(outer: ssl.SSLSocket) -> socket.socket:
    """One end of a socket pair whose bytes go over `outer`; closing either closes the other."""
    ours, theirs = socket.socketpair()
    threading.Thread(target=_carry, args=(theirs, outer), daemon=True, name="tls-tunnel").start()
    return ours


def _carry(inner: socket.socket, outer: ssl.SSLSocket) -> None:
    outer.setblocking(False)
    inner.setblocking(False)
    outgoing, incoming, ended = b"", b"", False
    with inner, outer:
        try:
            while not ended or incoming:
                outgoing, incoming, ended = _step(inner, outer, outgoing, incoming, ended=ended)
        except OSError:
            return  # one end is gone, and the other is closed with it


def _step(
    inner: socket.socket, outer: ssl.SSLSocket, outgoing: bytes, incoming: bytes, *, ended: bool
) -> tuple[bytes, bytes, bool]:
    """Wait for either socket and move what there is: the bytes left over for each, and whether `outer` ended."""
    read = [] if ended else [outer]
    readable, _writable, _ = select.select(
        [*read, *([] if outgoing else [inner])], [*([outer] if outgoing else []), *([inner] if incoming else [])], []
    )
    if inner in readable:
        outgoing = inner.recv(PIECE)
        if not outgoing:
            raise ConnectionResetError
    if outgoing:
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            outgoing = outgoing[ssl.SSLSocket.send(outer, outgoing) :]
    if not ended and len(incoming) < PIECE:
        try:
            while piece := ssl.SSLSocket.recv(outer, PIECE):
                incoming += piece
            ended = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLEOFError:
            ended = True
    if incoming:
        with contextlib.suppress(BlockingIOError):
            incoming = incoming[inner.send(incoming) :]
    return outgoing, incoming, ended
