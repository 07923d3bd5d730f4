"""What the pages of all steps share: the steps on the left, where to click in the portal, and the way back and on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from alertadmin.dashboard.guide import standing
from alertadmin.dashboard.guide.portal_path import path_of
from alertadmin.dashboard.portal import portal_links
from alertadmin.registry.models import Guide

View = Callable[[HttpRequest, Guide], HttpResponse]


def step(name: str) -> Callable[[View], Callable[[HttpRequest, UUID], HttpResponse]]:
    """A view of one step. Who comes too early is led to where the guide stands; everybody has guides of their own."""

    def decorate(view: View) -> Callable[[HttpRequest, UUID], HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest, pk: UUID) -> HttpResponse:
            guide = guide_of(request, pk)
            if not standing.is_reachable(guide, name):
                return go_on(guide)
            return view(request, guide)

        return wrapped

    return decorate


def guide_of(request: HttpRequest, pk: UUID) -> Guide:
    rows = Guide.objects.select_related("tenant", "app__tenant", "mailbox__tenant", "mailbox__app")
    return get_object_or_404(rows, pk=pk, person=request.user)


def go_on(guide: Guide) -> HttpResponse:
    return redirect(standing.url(guide, standing.first_open(guide)))


def page(request: HttpRequest, guide: Guide, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    names = list(standing.STEPS)
    place = names.index(name)
    path = path_of(name, guide)
    shown = {
        "guide": guide,
        "steps": standing.steps(guide),
        "here": name,
        "number": place + 1,
        "path": path,
        "links": portal_links(path.pages, guide.tenant, guide.app) if path else (),
        "back": standing.url(guide, names[place - 1]) if place else "",
        **context,
    }
    return render(request, f"guide/{name}.html", shown, status=status)
