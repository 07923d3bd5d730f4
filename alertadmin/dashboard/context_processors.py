"""Template context of every page: version, area and the problems of the installation."""

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
"""Problems listed by the banner; the overview lists all, and the system status page shows each by component."""

LISTS = {"status": "watching", "users": "members"}
"""URL names of lists that differ from the package of their views."""


def installation(request: HttpRequest) -> dict[str, Any]:
    """For anonymous visitors: the version and whether the connection is unencrypted. For users with a role in all
    tenants: also the problems of the installation."""
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
    held_count = review.awaiting_review(now).count()
    return {
        **known,
        "in_clear": known["in_clear"] and not _is_listed("in_clear", problems, known["area"]),
        "last_scan": health.last_scan,
        "problems": problems,
        "held_for_review": held_count,
        "last_restore": review.last_restore() if held_count else None,
        "failed_ping": heartbeat_ping.failed_ping(),
    }


def _is_listed(code: str, problems: list[DescribedProblem], area: str) -> bool:
    """Whether the banner (partials/banners.html) lists this problem on a page of this area."""
    shown = {"watching": 0, "overview": len(problems)}.get(area, SHOWN)
    return any(one.problem.code == code for one in problems[:shown])


def _sandbox(request: HttpRequest) -> dict[str, str]:
    """URL and key of the demonstration's sandbox. The key is for owners only: it shows all mails."""
    environment = settings.ENVIRONMENT
    if not environment.sandbox:
        return {"sandbox": "", "sandbox_key": ""}
    is_owner = access_of(request).in_all_tenants(Right.GOVERN)
    return {"sandbox": environment.sandbox, "sandbox_key": environment.sandbox_key if is_owner else ""}


def _area(request: HttpRequest) -> str:
    """Package of the view (alertadmin.dashboard.<area>.views), or the URL name of its list if that differs."""
    match = request.resolver_match
    _root, _, path = (match.func.__module__ if match else "").partition("alertadmin.dashboard.")
    package = path.partition(".")[0]
    return LISTS.get(package, package)
