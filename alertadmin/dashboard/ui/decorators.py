"""Redirects GET requests of POST-only views, such as after signing in again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect

Act = Callable[[HttpRequest, UUID], HttpResponse]


def post_only(back: str) -> Callable[[Act], Act]:
    """Decorate a POST-only view; GET redirects to the URL name `back` with the same ID."""

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
