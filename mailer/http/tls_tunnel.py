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
    of_outer = select.POLLIN if not ended and len(incoming) < PIECE else 0
    of_inner = 0 if outgoing else select.POLLIN
    poll = select.poll()  # select() knows descriptors below 1024 alone
    for end, events in (
        (outer, of_outer | (select.POLLOUT if outgoing else 0)),
        (inner, of_inner | (select.POLLOUT if incoming else 0)),
    ):
        if events:
            poll.register(end, events)
    # What OpenSSL has decrypted already is not announced by the system.
    ready = dict(poll.poll(0 if of_outer and outer.pending() else None))
    if of_inner and ready.get(inner.fileno(), 0) & ~select.POLLOUT:
        outgoing = inner.recv(PIECE)
        if not outgoing:
            raise ConnectionResetError
    if outgoing:
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            outgoing = outgoing[ssl.SSLSocket.send(outer, outgoing) :]
    if of_outer:
        try:
            while len(incoming) < PIECE and not ended:
                piece = ssl.SSLSocket.recv(outer, PIECE)
                incoming, ended = incoming + piece, not piece
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLEOFError:
            ended = True
    if incoming:
        with contextlib.suppress(BlockingIOError):
            incoming = incoming[inner.send(incoming) :]
    return outgoing, incoming, ended
