from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.setup_wizard.base import go_on, guide_of
from alertadmin.registry.models import SetupProgress


@require_right(Right.CHANGE, of=SetupProgress)
def resume_guide(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Resume a guide at its first unfinished step."""
    return go_on(guide_of(request, pk))
