"""Each page speaks to its viewer: times in their zone, words in their language."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation


class ViewerMiddleware:
    """Activates the viewer's time zone and language, and keeps signed-in pages out of every cache.

    Without a language of the viewer's own, the one stays that LocaleMiddleware found the browser to ask for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        language = request.user.language or translation.get_language() or settings.LANGUAGE_CODE
        request.LANGUAGE_CODE = language
        with timezone.override(request.user.zone), translation.override(language):
            response = self.get_response(request)
        # Said here, because LocaleMiddleware knows the browser's wish alone.
        response.headers.setdefault("Content-Language", language)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
