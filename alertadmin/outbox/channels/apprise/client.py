"""Run apprise in separate processes, one per call: each is confined, has a deadline, inherits none of our settings, and
leaves nothing behind.

Loading apprise takes a second. One process (`fork_server`) per process of ours loads it once and forks for each call,
which takes milliseconds. It exits after some minutes without use, and together with its parent.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Any

from alertadmin.paths import PROJECT
from mailer.http import outbound_proxy
from mailer.http.ssrf_guard import EgressAllowlist

START_TIMEOUT = 20.0
"""Seconds to start the processes, on a busy machine."""
GRACE = 5.0
"""Seconds after which a fork that missed its deadline is abandoned, and so exits: a library may sleep."""
INHERITED_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Environment variables to pass on; no proxy and no key is among them; the connecting fork gets the proxy."""

Event = dict[str, Any]


def run_request(order: dict[str, Any], *, allowed: EgressAllowlist, seconds: float) -> list[Event]:
    """Events of one call, up to its end or the deadline; none if no process could be started."""
    proxy = outbound_proxy.current()
    given = {"allowed": str(allowed), "seconds": seconds, "proxy": proxy.written if proxy else None}
    line = json.dumps({**order, **given}).encode() + b"\n"
    for _again in range(2):  # the server may have just exited after its idle time
        if received := list(_exchange(line, seconds)):
            return received
    return []


def _exchange(line: bytes, seconds: float) -> Iterator[Event]:
    ends_at = monotonic() + START_TIMEOUT
    received = bytearray()
    ours, theirs = socket.socketpair()
    with ours, contextlib.suppress(OSError):  # a timeout among them
        with theirs:
            _SERVER.hand(theirs)
        ours.sendall(line)
        while (left := ends_at - monotonic()) > 0:
            ours.settimeout(left)
            piece = ours.recv(65_536)
            if not piece:
                break
            if not received:  # the fork has started
                ends_at = monotonic() + seconds + GRACE
            received += piece
    for each in received.splitlines(keepends=True):
        if each.endswith(b"\n"):
            yield json.loads(each)


class ForkServer:
    """Manages the process that has apprise loaded. It is started by the first thread that needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0

    def hand(self, connection: socket.socket) -> None:
        """Pass it one end of a connection, on which it serves one request."""
        with self._lock:
            try:
                socket.send_fds(self._running(), [b"!"], [connection.fileno()])
            except OSError:
                self._end()
                socket.send_fds(self._running(), [b"!"], [connection.fileno()])

    def end(self) -> None:
        with self._lock:
            self._end()

    def _running(self) -> socket.socket:
        if self._owner != os.getpid():  # this process was forked from the one that started it
            self._process = self._control = None
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-B", "-m", "alertadmin.outbox.channels.apprise.fork_server"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=PROJECT,
                    env={name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ},
                )
            threading.Thread(target=self._process.wait, daemon=True).start()  # reaps it
            self._owner = os.getpid()
        return self._control

    def _end(self) -> None:
        if self._control is not None and self._owner == os.getpid():
            self._control.close()  # which ends it
            if self._process is not None:
                self._process.wait()
        self._control = self._process = None


_SERVER = ForkServer()
end = atexit.register(_SERVER.end)
"""Stop the process now; the next call starts another."""
