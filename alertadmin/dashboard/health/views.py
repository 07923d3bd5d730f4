"""`/healthz`: this process answers. `/readyz`: the database, the broker and the scans do too. Nothing about tenants."""

from __future__ import annotations

from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from redis.backoff import NoBackoff
from redis.retry import Retry

from alertadmin.reminders import scan


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


@login_not_required
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    database = _database()
    checks = {"database": database, "broker": _broker(), "scan": database and not scan.is_stale(timezone.now())}
    return JsonResponse(checks, status=200 if all(checks.values()) else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM reminders_scan LIMIT 1")
    except DatabaseError:
        return False
    return True


def _broker() -> bool:
    environment = settings.ENVIRONMENT
    # Asked once: whoever watches comes again.
    options: dict[str, Any] = {"socket_timeout": 1, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 0)}
    try:
        if environment.embedded_broker:
            client = redis.Redis(unix_socket_path=str(environment.broker_socket), **options)
        else:
            client = redis.Redis.from_url(environment.redis_url, **options)
        with client:
            return bool(client.ping())
    except (redis.RedisError, OSError, ValueError):
        return False
