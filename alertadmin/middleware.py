"""What every answer forbids a browser beside the content security policy, and how much a request may bring."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import page_not_found

log = logging.getLogger(__name__)

FORBIDDEN = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone", "payment", "usb")
"""No page of ours asks for these, so nothing that got into one may."""
HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in FORBIDDEN),
    "X-Permitted-Cross-Domain-Policies": "none",
}
LARGEST_UPLOAD = 16 * 1024 * 1024
"""Bytes of a form with files. Each file has a limit of its own, of which its page speaks; so much is not even read."""


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
        """What somebody deleted while another was acting on it is not there any more: that is no fault of ours."""
        if isinstance(exception, IntegrityError) and is_gone(exception):
            log.info("%s %s: what it is about was deleted meanwhile", request.method, request.path)
            return page_not_found(request, exception)
        return None


def is_gone(error: IntegrityError) -> bool:
    """Whether a row that another one points to is missing, as SQLite and PostgreSQL say it."""
    return "FOREIGN KEY" in str(error) or type(error.__cause__).__name__ == "ForeignKeyViolation"


def is_too_large(request: HttpRequest) -> bool:
    """By what it says of itself: a server lets no request bring more than it said."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return not length.isascii() or not length.isdigit() or int(length) > largest_body(request.content_type or "")


def largest_body(content_type: str) -> int:
    """Bytes that a request of this content type may bring."""
    has_files = content_type.partition(";")[0].strip().lower() == "multipart/form-data"
    return LARGEST_UPLOAD if has_files else int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
