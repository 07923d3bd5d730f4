"""`/healthz`: this process answers. `/readyz`: the state of all components, as last recorded by the worker.

Anonymous requests get the state of each component and no tenant data. Users with a role in all tenants also get the
text of each problem.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import public
from alertadmin.adapters.django import mark_as_logged
from alertadmin.monitoring import health_report
from alertadmin.monitoring.health_messages import DescribedProblem, describe
from alertadmin.monitoring.notices import notices


@public
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


@public
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Status 200 if everything is OK, else 503."""
    found: dict[str, Any] = {}
    try:
        now = health_report.now_by_database()
        # Without a cookie there is no session to load.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and access_of(request).in_all_tenants():
            health = health_report.check(now)
            found["problems"] = [_as_json(one) for one in describe(health.problems)]
            found["notices"] = [asdict(one) for one in notices()]
        else:
            health = health_report.public_health(now)
    except DatabaseError:
        health = health_report.NO_DATABASE
    answer = JsonResponse({"ok": health.is_well, **health.parts(), **found}, status=200 if health.is_well else 503)
    # Prevent Django from logging an error per request; the worker logs each change of state.
    mark_as_logged(answer)
    return answer


def _as_json(one: DescribedProblem) -> dict[str, Any]:
    return {"part": one.part, "text": one.text, "since": one.since, "next_try": one.next_try}
