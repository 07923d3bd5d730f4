"""Where a channel's address leads, as far as can be told without connecting: for the form in which it is entered.

What counts is decided when it is connected to (channels.guard); here a mistake is only found early.
"""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import SplitResult, urlsplit

from mailer.http import deadline_sockets
from mailer.http.ssrf_guard import EgressAllowlist

PATIENCE = 2.0
"""Seconds for the name server: somebody waits for the page."""
PORTS = {"http": 80, "https": 443}
LONGEST_HINT = 253


def hint_of_address(address: str) -> str:
    """Enough to know an address again. The host (and port) of https://; of slack:// and its like nothing, since each
    part of those may be a token."""
    parts = urlsplit(address)
    if parts.scheme.lower() in PORTS:
        return f"{parts.hostname}:{parts.port}"[:LONGEST_HINT] if parts.port else (parts.hostname or "")[:LONGEST_HINT]
    return f"{parts.scheme.lower()}://…"


def is_internal(address: str, allowed: EgressAllowlist) -> bool:
    """Whether it surely leads to where `allowed` lets nobody. False for a name that is not found now."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    with contextlib.suppress(OSError, ValueError):
        # A name in slack://token/… may be a token: no name server is asked about it.
        only_numbers = parts.scheme.lower() not in PORTS and host != "localhost"
        flags = socket.AI_NUMERICHOST if only_numbers else 0
        port = _port(parts)
        found = deadline_sockets.within(
            PATIENCE, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
        )
        return not all(allowed.permits(str(target[0]), port) for *_kind, target in found)
    return False


def _port(parts: SplitResult) -> int:
    return parts.port or PORTS.get(parts.scheme.lower(), 443)
