"""Whether requests come through a proxy that nothing here counts: ALERTADMIN_PROXIES is 0, and yet they say for which
machine they ask. All people there are then seem to come from the proxy's one address, and share what is limited by it.

Kept in this process alone: each one sees requests of its own, and what a client wrote causes no row. A client that
comes directly can write such a header too; so this is a notice, and nothing counts as not well for it.
"""

from __future__ import annotations

import logging
import threading
from time import monotonic

from django.conf import settings
from django.http import HttpRequest

log = logging.getLogger(__name__)

HEADERS = ("X-Forwarded-For", "Forwarded")
REMEMBERED = 24 * 3600.0
"""Seconds after the last such request for which it is told."""


class _Seen:
    def __init__(self) -> None:
        self.at: float | None = None
        self.lock = threading.Lock()


_SEEN = _Seen()


def observe(request: HttpRequest) -> None:
    """Writes one line into the log at the first of them."""
    if settings.PROXIES or not any(name in request.headers for name in HEADERS):
        return
    with _SEEN.lock:
        is_first, _SEEN.at = _SEEN.at is None, monotonic()
    if is_first:
        log.warning(
            "Requests come through a proxy (X-Forwarded-For or Forwarded), and ALERTADMIN_PROXIES is 0: all people "
            "seem to come from the proxy's address, and share its limits. Set ALERTADMIN_PROXIES to how many there are."
        )


def detected() -> bool:
    """Whether such a request came to this process within a day."""
    return not settings.PROXIES and _SEEN.at is not None and monotonic() - _SEEN.at < REMEMBERED


def forget() -> None:
    _SEEN.at = None
