"""What every page shows around its own matter: the version, and what is wrong with the house itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from alertadmin import __version__
from alertadmin.registry import keyring
from alertadmin.reminders import scan

AREAS = ("overview", "tenants", "apps", "credentials", "mailboxes", "consents", "deliveries", "diagnosis")


def house(request: HttpRequest) -> dict[str, Any]:
    """Nothing but the version for whoever is not signed in."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"version": __version__}
    try:
        keyring.load()
        key_trouble = ""
    except keyring.KeyRingError as error:
        key_trouble = str(error)
    match = request.resolver_match
    return {
        "version": __version__,
        "public_url": settings.PUBLIC_URL,
        "area": match.func.__module__.split(".")[2] if match and "dashboard" in match.func.__module__ else "",
        "last_scan": scan.last_finished(),
        "scan_is_stale": scan.is_stale(timezone.now()),
        "key_trouble": key_trouble,
    }
