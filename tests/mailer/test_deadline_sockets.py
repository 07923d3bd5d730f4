"""Calls end at their deadline with any behaviour of the server."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from time import monotonic

import pytest

from mailer.http import deadline_sockets
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.tcp_server import Listener, Peer


class Dripping(Listener):
    """Sends one byte, waits, sends one byte, …; reads nothing."""

    def converse(self, peer: Peer) -> None:
        while not self.closing.wait(0.02):
            peer.send(b".")


class Flooding(Listener):
    def converse(self, peer: Peer) -> None:
        while not self.closing.is_set():
            peer.send(b"." * 65_536)


class Deaf(Listener):
    def converse(self, peer: Peer) -> None:
        self.closing.wait(30)


def test_slow_server_is_ended_by_the_deadline(stack: ExitStack) -> None:
    server = stack.enter_context(Dripping())
    with deadline_sockets.deadline(0.3), deadline_sockets.dial("localhost", server.port) as connection:
        begun = monotonic()
        with (
            connection.makefile("rb") as reader,
            pytest.raises(TimeoutError, match=r"not done within 0\.3 s|timed out"),
        ):
            reader.readline()
        assert monotonic() - begun < IN_TIME


def test_server_that_does_not_read_is_ended_by_the_deadline(stack: ExitStack) -> None:
    server = stack.enter_context(Deaf())
    with (
        deadline_sockets.dial("localhost", server.port) as connection,
        deadline_sockets.deadline(0.3),
        pytest.raises(TimeoutError),
    ):
        connection.sendall(b"." * 50_000_000)


def test_server_without_handshake_is_ended_by_the_deadline(stack: ExitStack, authorities: Authorities) -> None:
    server = stack.enter_context(Deaf())
    context = deadline_sockets.tls_context(authorities.ca_file, "smtp")
    begun = monotonic()
    with (
        deadline_sockets.deadline(0.3),
        deadline_sockets.dial("localhost", server.port) as connection,
        pytest.raises(TimeoutError),
    ):
        context.wrap_socket(connection, server_hostname="localhost")
    assert monotonic() - begun < IN_TIME


def test_endless_response_is_ended(stack: ExitStack) -> None:
    server = stack.enter_context(Flooding())
    with (
        deadline_sockets.deadline(10),
        deadline_sockets.dial("localhost", server.port) as connection,
        connection.makefile("rb") as reader,
        pytest.raises(deadline_sockets.ResponseTooLarge, match="longer than 1000000 bytes"),
    ):
        reader.read()


def test_earliest_of_nested_deadlines_counts() -> None:
    with deadline_sockets.deadline(10):
        with deadline_sockets.deadline(0.2):
            assert deadline_sockets.seconds_left() <= 0.2
        with deadline_sockets.deadline(60):
            assert 9 < deadline_sockets.seconds_left() <= 10
    assert deadline_sockets.seconds_left() == deadline_sockets.DEFAULT_TIMEOUT


def test_no_operation_starts_after_the_deadline(stack: ExitStack) -> None:
    server = stack.enter_context(Deaf())
    with deadline_sockets.deadline(0), pytest.raises(TimeoutError, match="not done within 0 s"):
        deadline_sockets.dial("localhost", server.port)
    assert server.connections == 0


def test_deadline_applies_to_its_thread() -> None:
    seen: list[float] = []
    with deadline_sockets.deadline(1):
        thread = threading.Thread(target=lambda: seen.append(deadline_sockets.seconds_left()))
        thread.start()
        thread.join()
    assert seen == [deadline_sockets.DEFAULT_TIMEOUT]


def test_a_closed_port_is_refused_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            deadline_sockets.dial("127.0.0.1", free.getsockname()[1])


def test_unknown_host_name_is_reported() -> None:
    with deadline_sockets.deadline(20), pytest.raises(socket.gaierror):
        deadline_sockets.dial("no-such-host.invalid", 443)


def test_hanging_dns_lookup_times_out() -> None:
    hanging = threading.Event()
    begun = monotonic()
    with pytest.raises(TimeoutError, match="no answer within"):
        deadline_sockets.run_with_timeout(0.2, lambda: hanging.wait(30))
    hanging.set()
    assert monotonic() - begun < IN_TIME


def test_exception_of_the_call_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        deadline_sockets.run_with_timeout(5, lambda: 1 / 0)


@pytest.mark.control(47)
def test_tls_contexts_verify_and_refuse_old_versions(authorities: Authorities) -> None:
    for ca_file in (None, authorities.ca_file):
        context = deadline_sockets.tls_context(ca_file, "https")
        assert context.check_hostname
        assert context.verify_mode.name == "CERT_REQUIRED"
        assert context.minimum_version.name == "TLSv1_2"


def test_ca_file_replaces_other_authorities(authorities: Authorities) -> None:
    assert len(deadline_sockets.tls_context(authorities.ca_file, "https").get_ca_certs()) == 1
    assert len(deadline_sockets.tls_context(None, "https").get_ca_certs()) > 50
