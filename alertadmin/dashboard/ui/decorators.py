"""Acts are posted. Whoever comes to an act's address otherwise, such as after signing in again, is led to its page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect

Act = Callable[[HttpRequest, UUID], HttpResponse]


def post_only(back: str) -> Callable[[Act], Act]:
    """`back` names the page, of the same id, that has the act's button."""

    def decorate(act: Act) -> Act:
        @wraps(act)
        def wrapped(request: HttpRequest, pk: UUID) -> HttpResponse:
            if request.method == "POST":
                return act(request, pk)
            if request.method in ("GET", "HEAD"):
                return redirect(back, pk)
            return HttpResponseNotAllowed(["POST"])

        return wrapped

    return decorate
