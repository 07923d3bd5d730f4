"""The host to which a channel's address leads, as far as known without connecting, for the form in which it is entered.

The binding check is made when connecting (ssrf_guard); this one only finds mistakes early.
"""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import SplitResult, urlsplit

from mailer.http import deadline_sockets
from mailer.http.ssrf_guard import EgressAllowlist

DNS_TIMEOUT = 2.0
"""Seconds to wait for the name server, while a user waits for the page."""
PORTS = {"http": 80, "https": 443}
MAX_HINT = 253


def hint_of_address(address: str) -> str:
    """Enough of an address to recognise it: host and port of https://, only the scheme of slack:// and the like, since
    each part of those may be a token."""
    parts = urlsplit(address)
    if parts.scheme.lower() in PORTS:
        return f"{parts.hostname}:{parts.port}"[:MAX_HINT] if parts.port else (parts.hostname or "")[:MAX_HINT]
    return f"{parts.scheme.lower()}://…"


def is_internal(address: str, allowed: EgressAllowlist) -> bool:
    """Whether `allowed` certainly forbids its host. False for a name that cannot be resolved now."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    with contextlib.suppress(OSError, ValueError):
        # The host in slack://token/… may be a token: it is not sent to a name server.
        only_numbers = parts.scheme.lower() not in PORTS and host != "localhost"
        flags = socket.AI_NUMERICHOST if only_numbers else 0
        port = _port(parts)
        found = deadline_sockets.run_with_timeout(
            DNS_TIMEOUT, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
        )
        return not all(allowed.permits(str(target[0]), port) for *_kind, target in found)
    return False


def _port(parts: SplitResult) -> int:
    return parts.port or PORTS.get(parts.scheme.lower(), 443)
