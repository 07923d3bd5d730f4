"""Give each HTTP request an id, which its log lines, response, tasks and audit entries have too."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from alertadmin.operator_log.context import reset_request_id, set_request_id
from alertadmin.operator_log.events import Event, log_event

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
SLOW = 10.0
"""Seconds after which a request is logged as a warning."""


class RequestIdMiddleware:
    """The first middleware, so that log lines of the others have the id too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        identity = request_id_of(request)
        token = set_request_id(identity)
        begun = time.monotonic()
        try:
            response = self.get_response(request)
            response.headers[HEADER] = identity
            log_request(request, response.status_code, time.monotonic() - begun)
            return response
        finally:
            reset_request_id(token)


def request_id_of(request: HttpRequest) -> str:
    """Return the id from a trusted proxy (ALERTADMIN_PROXIES) if it has only allowed characters; else a new one."""
    said = request.headers.get(HEADER, "")
    return said if settings.PROXIES and SANE.fullmatch(said) else secrets.token_hex(8)


def log_request(request: HttpRequest, status: int, seconds: float) -> None:
    """Log a server error or a slow request; others at DEBUG. Responses that any client can cause (404, 403) stay at
    DEBUG, or an attacker could push other lines out of the rotated log."""
    level = logging.DEBUG
    if status >= 500 and not (status == 503 and request.path == "/readyz"):
        level = logging.ERROR
    elif seconds > SLOW:
        level = logging.WARNING
    log_event(
        Event.HTTP_REQUEST,
        level,
        method=request.method,
        path=request.path,
        status=status,
        duration_ms=round(seconds * 1000),
    )
