"""Bytes through TLS by way of a socket pair: all of them, in both directions, and the end of either side."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from mailer.http.tls_tunnel import carry_over_tls
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities

SIZE = 1_000_000


@pytest.fixture
def ends(authorities: Authorities) -> Iterator[tuple[socket.socket, ssl.SSLSocket]]:
    """Our end of the pair, and the server's end of the TLS connection."""
    context = ssl.create_default_context(cafile=authorities.ca_file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _address = listener.accept()
    served: list[ssl.SSLSocket] = []
    shake = threading.Thread(
        target=lambda: served.append(authorities.good.wrap_socket(accepted, server_side=True)), daemon=True
    )
    shake.start()
    ours = carry_over_tls(context.wrap_socket(client, server_hostname="localhost"))
    shake.join(IN_TIME)
    ours.settimeout(IN_TIME)
    served[0].settimeout(IN_TIME)
    with ours, served[0]:
        yield ours, served[0]


def read(one: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size and (piece := one.recv(65_536)):
        found += piece
    return bytes(found)


def test_large_pieces_go_both_ways_in_turn(ends: tuple[socket.socket, ssl.SSLSocket]) -> None:
    ours, theirs = ends
    for number in range(3):
        sent, back = bytes([number]) * SIZE, bytes([number + 10]) * SIZE
        writer = threading.Thread(target=ours.sendall, args=(sent,))
        writer.start()
        assert read(theirs, SIZE) == sent
        writer.join(IN_TIME)
        writer = threading.Thread(target=theirs.sendall, args=(back,))
        writer.start()
        assert read(ours, SIZE) == back
        writer.join(IN_TIME)


def test_a_reader_that_is_slow_loses_nothing(ends: tuple[socket.socket, ssl.SSLSocket]) -> None:
    """The server ends at once after its last byte, before a byte was read."""
    ours, theirs = ends
    sent = bytes(range(256)) * 400
    theirs.sendall(sent)
    theirs.close()
    assert read(ours, len(sent) + 1) == sent
    assert ours.recv(1) == b""


def test_the_end_of_our_side_ends_the_connection(ends: tuple[socket.socket, ssl.SSLSocket]) -> None:
    ours, theirs = ends
    ours.sendall(b"last")
    assert theirs.recv(4) == b"last"
    ours.close()
    try:
        left = theirs.recv(1)
    except (ssl.SSLError, ConnectionResetError):
        left = b""
    assert left == b""
