"""`/healthz`: this process answers. `/readyz`: so do the database and the broker, and reminders go out. Of each part
only whether it is well: nothing about tenants."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from alertadmin.accounts.declaring import for_strangers
from alertadmin.watching import broker
from alertadmin.watching.troubles import PARTS, troubles


@for_strangers
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


@for_strangers
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    database = _database()
    wrong = {trouble.part for trouble in troubles(timezone.now())} if database else set(PARTS)
    checks = {"database": database, "broker": broker.answers(), **{part: part not in wrong for part in PARTS}}
    return JsonResponse(checks, status=200 if all(checks.values()) else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM reminders_scan LIMIT 1")
    except DatabaseError:
        return False
    return True
