"""Response headers besides the content security policy, and the limit of request bodies."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import page_not_found

log = logging.getLogger(__name__)

DISABLED_FEATURES = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "microphone",
    "payment",
    "usb",
)
"""No page uses these features, so injected code may not either."""
HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in DISABLED_FEATURES),
    "X-Permitted-Cross-Domain-Policies": "none",
}
MAX_HOST = 100
"""Characters of an unknown host name that its page shows."""
MAX_UPLOAD = 16 * 1024 * 1024
"""Bytes of a form with files. Every file field has its own, lower limit; a larger body is not even read."""


class EdgesMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_too_large(request):
            response = HttpResponse(render_to_string("413.html"), status=413)
        else:
            response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 404 if another user deleted a referenced row during the request."""
        if isinstance(exception, IntegrityError) and is_missing_reference(exception):
            log.info("%s %s: what it is about was deleted meanwhile", request.method, request.path)
            return page_not_found(request, exception)
        return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page of status 400. For a Host header that is not allowed it says where names are allowed."""
    if isinstance(exception, DisallowedHost):
        host = str(request.META.get("HTTP_HOST", ""))[:MAX_HOST]
        return HttpResponse(render_to_string("unknown_host.html", {"host": host}), status=400)
    return HttpResponse(render_to_string("400.html"), status=400)


def is_missing_reference(error: IntegrityError) -> bool:
    """Whether it is a foreign key violation, in SQLite's or PostgreSQL's form."""
    return "FOREIGN KEY" in str(error) or type(error.__cause__).__name__ == "ForeignKeyViolation"


def is_too_large(request: HttpRequest) -> bool:
    """From Content-Length; granian rejects longer bodies."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return not length.isascii() or not length.isdigit() or int(length) > max_body(request.content_type or "")


def max_body(content_type: str) -> int:
    """Max bytes of a request with this content type."""
    has_files = content_type.partition(";")[0].strip().lower() == "multipart/form-data"
    return MAX_UPLOAD if has_files else int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
