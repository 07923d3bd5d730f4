"""Detect a reverse proxy while ALERTADMIN_PROXIES is 0: requests carry X-Forwarded-For or Forwarded. All users then
seem to share the proxy's address and its limits.

The state is kept in this process only: every process sees requests of its own, and a client's header must not cause a
database write. A direct client can send such a header too, so the page shows a notice and the health check stays OK.
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
"""Seconds after the last such request during which the notice is shown."""


class _Seen:
    def __init__(self) -> None:
        self.at: float | None = None
        self.lock = threading.Lock()


_SEEN = _Seen()


def observe(request: HttpRequest) -> None:
    """Note a forwarded request; the first one logs a warning."""
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
    """Whether such a request reached this process within the last 24 hours."""
    return not settings.PROXIES and _SEEN.at is not None and monotonic() - _SEEN.at < REMEMBERED


def forget() -> None:
    _SEEN.at = None
