"""What every page shows around its own matter: the version, and what is wrong with the house itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from alertadmin import __version__
from alertadmin.accounts.access import access_of
from alertadmin.registry import key_use
from alertadmin.reminders import review, scan
from alertadmin.retelling import retold
from alertadmin.watching import ping, troubles


def house(request: HttpRequest) -> dict[str, Any]:
    """Nothing but the version for whoever is not signed in; how the house is for whoever has a role in all of it."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"version": __version__}
    known = {"version": __version__, "sandbox": settings.ENVIRONMENT.sandbox, "area": _area(request)}
    if not access_of(request).everywhere():
        return known
    last, now = scan.last_finished(), timezone.now()
    standing = troubles.standing(now)
    return {
        **known,
        "last_scan": last,
        "scan_is_stale": scan.is_old(last, now),
        "troubles": [*filter(None, [troubles.clock(now)]), *troubles.deliveries(standing)],
        "held": standing.held,
        "put_back": review.put_back() if standing.held else None,
        "unheard": ping.unheard(),
        "key_trouble": retold(key_use.trouble()),
    }


def _area(request: HttpRequest) -> str:
    """The room that answers: alertadmin.dashboard.<area>.views."""
    match = request.resolver_match
    _root, _, room = (match.func.__module__ if match else "").partition("alertadmin.dashboard.")
    return room.partition(".")[0]
