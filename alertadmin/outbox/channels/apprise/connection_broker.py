"""Connections for a confined process: it asks another process over a Unix socket, which resolves the name, checks each
address with the SSRF guard, connects, directly or through the outbound proxy, and passes the socket back.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

from mailer.http import deadline_sockets, outbound_proxy
from mailer.http.outbound_proxy import OutboundProxyError
from mailer.http.ssrf_guard import EgressAllowlist, InternalAddress

MAX_MESSAGE = 4096
"""Maximum bytes of a request or response."""
ERRORS: dict[str, type[OSError]] = {
    "gaierror": socket.gaierror,
    "TimeoutError": TimeoutError,
    "ConnectionRefusedError": ConnectionRefusedError,
    "ConnectionResetError": ConnectionResetError,
    "OutboundProxyError": OutboundProxyError,
}
"""Errors that are raised as the same type on the other side; any other becomes an OSError."""


def serve(requests_socket: socket.socket, allowed: EgressAllowlist) -> None:
    """Serve until the other side closes. Its input is not trusted: only a name, a port and a timeout are read."""
    while question := requests_socket.recv(MAX_MESSAGE):
        try:
            host, port, seconds = json.loads(question)
            with (
                deadline_sockets.deadline(min(float(seconds), deadline_sockets.DEFAULT_TIMEOUT)),
                deadline_sockets.address_check(allowed.check),
            ):
                connection = outbound_proxy.connect(str(host), int(port))
        except InternalAddress:
            _reply(requests_socket, {"error": "Inside", "words": ""})
        except OSError as error:
            _reply(requests_socket, {"error": type(error).__name__, "words": str(error)[:400], "number": error.errno})
        except (ValueError, TypeError, RecursionError, OverflowError):
            return
        else:
            with connection:
                socket.send_fds(requests_socket, [b"{}"], [connection.fileno()])


def _reply(requests_socket: socket.socket, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        requests_socket.sendall(json.dumps(answer).encode())


class ConnectionBroker:
    """The confined side; replaces `deadline_sockets.dial`. `refused` is called before InternalAddress is raised."""

    def __init__(self, socket_to_broker: socket.socket, refused: Callable[[], None]) -> None:
        self._socket, self._refused = socket_to_broker, refused
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int) -> deadline_sockets.PlainSocket:
        """Raises OSError (gaierror, TimeoutError, …) or InternalAddress."""
        with self._lock:
            self._socket.sendall(json.dumps([host, port, deadline_sockets.seconds_left()]).encode())
            answer, descriptors, _flags, _address = socket.recv_fds(self._socket, MAX_MESSAGE, 1)
        if descriptors:
            plain = deadline_sockets.PlainSocket(fileno=descriptors[0])
            plain.settimeout(deadline_sockets.seconds_left())
            return plain
        said = json.loads(answer) if answer else {"error": "OSError", "words": "no connection"}
        if said["error"] == "Inside":
            self._refused()
            raise InternalAddress
        kind = ERRORS.get(said["error"], OSError)
        raise kind(said["number"], said["words"]) if said.get("number") else kind(said["words"])
