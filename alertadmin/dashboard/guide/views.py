from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from alertadmin.dashboard.guide.page import go_on, guide_of


def guide_on(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Back into a guide that was left: to the step that it waits at."""
    return go_on(guide_of(request, pk))
