"""What every page shows around its own matter: the version, and what is wrong with the installation itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from alertadmin import __version__
from alertadmin.accounts.access import access_of
from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.roles import Right
from alertadmin.monitoring import health_report, heartbeat_ping
from alertadmin.monitoring.health_messages import DescribedProblem, describe
from alertadmin.reminders.restore import review

SHOWN = 5
"""Problems that the banner lists; the overview lists all, and *Does it work?* has a row for each."""


def installation(request: HttpRequest) -> dict[str, Any]:
    """For strangers the version, and whether what they type is not encrypted; what is wrong for those who have a role
    in the whole installation."""
    of_all = {"version": __version__, "in_clear": settings.ENVIRONMENT.is_in_clear}
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return of_all
    known: dict[str, Any] = {
        **of_all,
        **_sandbox(request),
        "area": _area(request),
        "factor_due": enforcement.due_at(request),
    }
    if not access_of(request).in_all_tenants():
        return known
    now = health_report.now_by_database()
    health = health_report.current(now)
    problems = describe(health.problems)
    held = review.held(now).count()
    return {
        **known,
        "in_clear": known["in_clear"] and not _is_listed("in_clear", problems, known["area"]),
        "last_scan": health.last_scan,
        "problems": problems,
        "held": held,
        "put_back": review.last_restore() if held else None,
        "unheard": heartbeat_ping.failed_ping(),
    }


def _is_listed(code: str, problems: list[DescribedProblem], area: str) -> bool:
    """Whether the banner of problems (partials/banners.html) says it on a page of this area."""
    shown = {"watching": 0, "overview": len(problems)}.get(area, SHOWN)
    return any(one.problem.code == code for one in problems[:shown])


def _sandbox(request: HttpRequest) -> dict[str, str]:
    """A demonstration's; the key to its pages for owners alone, since those show the mails of all."""
    environment = settings.ENVIRONMENT
    if not environment.sandbox:
        return {"sandbox": "", "sandbox_key": ""}
    is_owner = access_of(request).in_all_tenants(Right.GOVERN)
    return {"sandbox": environment.sandbox, "sandbox_key": environment.sandbox_key if is_owner else ""}


def _area(request: HttpRequest) -> str:
    """The room that answers: alertadmin.dashboard.<area>.views."""
    match = request.resolver_match
    _root, _, room = (match.func.__module__ if match else "").partition("alertadmin.dashboard.")
    return room.partition(".")[0]
