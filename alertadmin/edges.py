"""What every answer forbids a browser beside the content security policy, and how much a request may bring."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

FORBIDDEN = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone", "payment", "usb")
"""No page of ours asks for these, so nothing that got into one may."""
HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in FORBIDDEN),
    "X-Permitted-Cross-Domain-Policies": "none",
}
LARGEST_UPLOAD = 64 * 1024 * 1024
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


def is_too_large(request: HttpRequest) -> bool:
    """By what it says of itself: a server lets nobody bring more than they said."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    has_files = request.content_type == "multipart/form-data"
    most = LARGEST_UPLOAD if has_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return not length.isascii() or not length.isdigit() or int(length) > most
