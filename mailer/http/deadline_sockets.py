"""Sockets with a deadline for a whole call, with and without TLS.

A socket's own timeout starts again with each byte, so a server that sends one byte a second could block a call forever.
`with deadline(45):` limits everything that this thread does inside it, from the DNS lookup to the last byte of the
response.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any, Literal, TypeVar

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from mailer.errors import Answer

DEFAULT_TIMEOUT = 30.0
"""Seconds for one operation if no deadline is set."""
CONNECT_TIMEOUT = 10.0
"""Seconds for one address of a host; then the next address is tried."""
MAX_RESPONSE_BYTES = 1_000_000
"""Bytes received within one deadline. Real responses have a few thousand."""
Result = TypeVar("Result")


@dataclass
class _Call:
    ends_at: float
    seconds: float
    bytes_left: int = MAX_RESPONSE_BYTES


_CALL: ContextVar[_Call | None] = ContextVar("call", default=None)


AddressCheck = Callable[[str, int], None]
"""Called with an IP address and a port before connecting; raises any exception to forbid the connection."""
_ADDRESS_CHECK: ContextVar[AddressCheck | None] = ContextVar("may_dial", default=None)


@contextmanager
def address_check(may_dial: AddressCheck | None) -> Iterator[None]:
    """Check every address that this thread connects to inside; None: none. The resolved IP address is checked, so that
    DNS rebinding and unusual notations of an address have no effect."""
    token = _ADDRESS_CHECK.set(may_dial)
    try:
        yield
    finally:
        _ADDRESS_CHECK.reset(token)


def current_address_check() -> AddressCheck | None:
    return _ADDRESS_CHECK.get()


class ResponseTooLarge(OSError):
    """The server sent more than `MAX_RESPONSE_BYTES`."""

    proves = Answer.FOREIGN


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit the duration of the block: operations raise TimeoutError after it. The earliest of nested deadlines
    counts."""
    outer = _CALL.get()
    ends_at = monotonic() + seconds
    if outer is not None and outer.ends_at < ends_at:
        ends_at, seconds = outer.ends_at, outer.seconds
    token = _CALL.set(_Call(ends_at, seconds))
    try:
        yield
    finally:
        _CALL.reset(token)


def seconds_left(most: float = DEFAULT_TIMEOUT) -> float:
    """Seconds for the next operation, at most `most`. Raises TimeoutError if the deadline has passed."""
    call = _CALL.get()
    if call is None:
        return most
    seconds = call.ends_at - monotonic()
    if seconds <= 0:
        raise TimeoutError(f"not done within {call.seconds:g} s")
    return min(seconds, most)


def _count_received(count: int) -> int:
    call = _CALL.get()
    if call is not None:
        call.bytes_left -= count
        if call.bytes_left < 0:
            raise ResponseTooLarge(f"the answer is longer than {MAX_RESPONSE_BYTES} bytes")
    return count


class PlainSocket(socket.socket):
    """A TCP socket that observes the deadline. `ended`: the end of the server's stream was read."""

    ended = False

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())
        count = _count_received(super().recv_into(*args, **kwargs))
        self.ended = count == 0
        return count

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(seconds_left())
        super().sendall(*args, **kwargs)


class TlsSocket(ssl.SSLSocket):
    """A TLS socket that observes the deadline (`sendall` calls `send`). `ended` as for `PlainSocket`."""

    ended = False

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())
        count = _count_received(super().recv_into(*args, **kwargs))
        self.ended = count == 0
        return count

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())
        return super().send(*args, **kwargs)


Dial = Callable[[str, int], PlainSocket]
_dial: Dial | None = None


def set_dialer(other: Dial) -> None:
    """Let all connections of this process be made by `other`: for a sandboxed process without network access."""
    global _dial
    _dial = other


def has_dialer() -> bool:
    """Whether another process makes the connections."""
    return _dial is not None


def dial(host: str, port: int) -> PlainSocket:
    """Connect to the first of the host's addresses that answers. Raises OSError (gaierror, TimeoutError, …)."""
    if _dial is not None:
        return _dial(host, port)
    failed: OSError | None = None
    found = run_with_timeout(seconds_left(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    if may_dial := _ADDRESS_CHECK.get():
        for *_kind, address in found:
            may_dial(str(address[0]), port)
    for family, kind, protocol, _name, address in found:
        plain = PlainSocket(family, kind, protocol)
        try:
            plain.settimeout(seconds_left(CONNECT_TIMEOUT))
            plain.connect(address)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(seconds_left())  # a TLS handshake begins, which reads this once
        except OSError as error:
            plain.close()
            failed = error
        else:
            return plain
    raise failed or OSError(f"{host} has no address")


def run_with_timeout(seconds: float, call: Callable[[], Result]) -> Result:
    """The result of a call that cannot be interrupted. On TimeoutError its thread continues and ends by itself."""
    done: list[Result] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True, name="look-up")
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not done:
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    return done[0]


@lru_cache(maxsize=64)
def tls_context(ca_file: str | None, protocol: Literal["https", "smtp"]) -> ssl.SSLContext:
    """A context for TLS 1.2 or newer that verifies certificates and names.

    A cloud's own `ca_file` replaces the system's authorities; to the latter Mozilla's are added, for machines without
    any. Cached, since loading them takes longer than a handshake. Raises OSError (ssl.SSLError) for a file without a
    certificate.
    """
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None:
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if protocol == "https":
        context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = TlsSocket
    return context
