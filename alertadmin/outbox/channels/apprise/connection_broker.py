"""Connections for a process that can make none: it asks another one over a Unix socket, which looks the name up, asks
the guard about each address, connects, and hands the connection over.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

from mailer.http import deadline_sockets
from mailer.http.ssrf_guard import EgressAllowlist, InternalAddress

LONGEST_WORDS = 4096
"""Bytes of a question, or of an answer."""
ERRORS: dict[str, type[OSError]] = {
    "gaierror": socket.gaierror,
    "TimeoutError": TimeoutError,
    "ConnectionRefusedError": ConnectionRefusedError,
    "ConnectionResetError": ConnectionResetError,
}
"""Those that are told apart afterwards; any other is an OSError."""


def serve(asked: socket.socket, allowed: EgressAllowlist) -> None:
    """Until the other side closes. It is believed in nothing: what it sends are a name, a port and a time."""
    while question := asked.recv(LONGEST_WORDS):
        try:
            host, port, seconds = json.loads(question)
            with (
                deadline_sockets.deadline(min(float(seconds), deadline_sockets.PATIENCE)),
                deadline_sockets.request_deadline(allowed.check),
            ):
                connection = deadline_sockets.dial(str(host), int(port))
        except InternalAddress:
            _say(asked, {"error": "Inside", "words": ""})
        except OSError as error:
            _say(asked, {"error": type(error).__name__, "words": str(error)[:200], "number": error.errno})
        except (ValueError, TypeError, RecursionError, OverflowError):
            return
        else:
            with connection:
                socket.send_fds(asked, [b"{}"], [connection.fileno()])


def _say(asked: socket.socket, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        asked.sendall(json.dumps(answer).encode())


class ConnectionBroker:
    """The other side: in the place of `deadline_sockets.dial`. `refused` is called before Inside is raised."""

    def __init__(self, asks: socket.socket, refused: Callable[[], None]) -> None:
        self._asks, self._refused = asks, refused
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int) -> deadline_sockets.Plain:
        """Raises OSError (gaierror, TimeoutError, …), InternalAddress."""
        with self._lock:
            self._asks.sendall(json.dumps([host, port, deadline_sockets.left()]).encode())
            answer, descriptors, _flags, _address = socket.recv_fds(self._asks, LONGEST_WORDS, 1)
        if descriptors:
            plain = deadline_sockets.Plain(fileno=descriptors[0])
            plain.settimeout(deadline_sockets.left())
            return plain
        said = json.loads(answer) if answer else {"error": "OSError", "words": "no connection"}
        if said["error"] == "Inside":
            self._refused()
            raise InternalAddress
        kind = ERRORS.get(said["error"], OSError)
        raise kind(said["number"], said["words"]) if said.get("number") else kind(said["words"])
