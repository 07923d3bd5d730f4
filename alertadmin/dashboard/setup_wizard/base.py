"""Shared parts of the step pages: step list, portal sketch, Back and Next."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from alertadmin.dashboard.setup_wizard import progress
from alertadmin.dashboard.setup_wizard.portal_steps import path_of
from alertadmin.dashboard.ui.entra_links import portal_links
from alertadmin.registry.models import SetupProgress

View = Callable[[HttpRequest, SetupProgress], HttpResponse]


def step(name: str) -> Callable[[View], Callable[[HttpRequest, UUID], HttpResponse]]:
    """View decorator of a step. Redirects to the current step if an earlier one is missing; a user only sees their own
    guides."""

    def decorate(view: View) -> Callable[[HttpRequest, UUID], HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest, pk: UUID) -> HttpResponse:
            guide = guide_of(request, pk)
            if not progress.is_reachable(guide, name):
                return go_on(guide)
            return view(request, guide)

        return wrapped

    return decorate


def guide_of(request: HttpRequest, pk: UUID) -> SetupProgress:
    rows = SetupProgress.objects.select_related("tenant", "app__tenant", "mailbox__tenant", "mailbox__app")
    return get_object_or_404(rows, pk=pk, person=request.user)


def go_on(guide: SetupProgress) -> HttpResponse:
    return redirect(progress.url(guide, progress.first_open(guide)))


def page(request: HttpRequest, guide: SetupProgress, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    names = list(progress.STEPS)
    position = names.index(name)
    path = path_of(name, guide)
    shown = {
        "guide": guide,
        "steps": progress.steps(guide),
        "current_step": name,
        "number": position + 1,
        "path": path,
        "links": portal_links(path.pages, guide.tenant, guide.app) if path else (),
        "back": progress.url(guide, names[position - 1]) if position else "",
        **context,
    }
    return render(request, f"setup_wizard/{name}.html", shown, status=status)
