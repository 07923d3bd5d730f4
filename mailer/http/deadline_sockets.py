"""Sockets that end in time, and the TLS they speak: whatever a server does, a call is over when its deadline is.

A socket's own timeout begins anew with each byte: a server that drips one a second would be waited for without end.
Here the time belongs to the call: `with deadline(45):` bounds everything that happens in it on this thread, from
looking up a name to the last byte of an answer.
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

PATIENCE = 30.0
"""Seconds that one operation may take where no deadline is set."""
CONNECTING = 10.0
"""Seconds for one address of a host; the next one is tried after that."""
LARGEST_ANSWER = 1_000_000
"""Bytes that are taken within one deadline. Real answers have some thousand."""
Result = TypeVar("Result")


@dataclass
class _Call:
    ends_at: float
    seconds: float
    bytes_left: int = LARGEST_ANSWER


_CALL: ContextVar[_Call | None] = ContextVar("call", default=None)


MayDial = Callable[[str, int], None]
"""Raises what it likes where an address (a number, such as 192.0.2.1, and a port) is not to be connected to."""
_MAY_DIAL: ContextVar[MayDial | None] = ContextVar("may_dial", default=None)


@contextmanager
def request_deadline(may_dial: MayDial) -> Iterator[None]:
    """Whatever is dialled in here on this thread is asked about first, by the address itself: what a name meant a
    moment ago, or how a number was written, makes no difference."""
    token = _MAY_DIAL.set(may_dial)
    try:
        yield
    finally:
        _MAY_DIAL.reset(token)


class AnswerTooLarge(OSError):
    """The server sends and sends; nothing we ask for is that long."""

    proves = Answer.FOREIGN


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """What runs in here takes no longer, or raises TimeoutError. Of nested ones the nearest counts."""
    outer = _CALL.get()
    ends_at = monotonic() + seconds
    if outer is not None and outer.ends_at < ends_at:
        ends_at, seconds = outer.ends_at, outer.seconds
    token = _CALL.set(_Call(ends_at, seconds))
    try:
        yield
    finally:
        _CALL.reset(token)


def left(most: float = PATIENCE) -> float:
    """Seconds that the next operation may take. Raises TimeoutError when there are none."""
    call = _CALL.get()
    if call is None:
        return most
    seconds = call.ends_at - monotonic()
    if seconds <= 0:
        raise TimeoutError(f"not done within {call.seconds:g} s")
    return min(seconds, most)


def _received(count: int) -> int:
    call = _CALL.get()
    if call is not None:
        call.bytes_left -= count
        if call.bytes_left < 0:
            raise AnswerTooLarge(f"the answer is longer than {LARGEST_ANSWER} bytes")
    return count


class Plain(socket.socket):
    """TCP without TLS, in time. `ended` says that the server has closed its side, and that this was read."""

    ended = False

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(left())
        count = _received(super().recv_into(*args, **kwargs))
        self.ended = count == 0
        return count

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(left())
        super().sendall(*args, **kwargs)


class Tls(ssl.SSLSocket):
    """TLS, in time. `sendall` is a loop around `send`; `ended` is as above."""

    ended = False

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(left())
        count = _received(super().recv_into(*args, **kwargs))
        self.ended = count == 0
        return count

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(left())
        return super().send(*args, **kwargs)


Dial = Callable[[str, int], Plain]
_dial: Dial | None = None


def dial_by(other: Dial) -> None:
    """From now on this process has its connections made so: it may be one that cannot make any itself."""
    global _dial
    _dial = other


def dial(host: str, port: int) -> Plain:
    """A connection to the first of the host's addresses that answers. Raises OSError (gaierror, TimeoutError, …)."""
    if _dial is not None:
        return _dial(host, port)
    failed: OSError | None = None
    found = within(left(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    if may_dial := _MAY_DIAL.get():
        for *_kind, address in found:
            may_dial(str(address[0]), port)
    for family, kind, protocol, _name, address in found:
        plain = Plain(family, kind, protocol)
        try:
            plain.settimeout(left(CONNECTING))
            plain.connect(address)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(left())  # a TLS handshake begins, which reads this once
        except OSError as error:
            plain.close()
            failed = error
        else:
            return plain
    raise failed or OSError(f"{host} has no address")


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """The result of a call that nothing can interrupt. Raises TimeoutError; the thread left behind ends by itself."""
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
    """Checks certificates and names, TLS 1.2 or newer. A cloud's own `ca_file` is trusted instead of the system's
    authorities; those are joined by Mozilla's, for machines that have none. Made once: reading them takes longer than a
    handshake. Raises OSError (ssl.SSLError) for a file that holds no certificate."""
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None:
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if protocol == "https":
        context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = Tls
    return context
