"""Whether the broker answers. One attempt without retries: the health checks run repeatedly."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from alertadmin.monitoring.health_checks import Broker

UNPROTECTED = (
    "The broker at %s is used without a password, over the network: anyone who can reach it can wake the worker or "
    "suppress its wake-ups. Reminders do not depend on it. Set a password in it and in ALERTADMIN_REDIS_URL: "
    "redis://:PASSWORD@HOST."
)


def unprotected(url: str) -> str:
    """A warning if others on the network can use the broker as we do; else empty. `url` is ALERTADMIN_REDIS_URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""  # the connection itself reports the error
    if not parts.scheme.startswith(("redis", "valkey")) or parts.scheme.endswith(("+socket", "unix")):
        return ""
    query = parse_qs(parts.query)
    if parts.password or query.get("password") or query.get("ssl_certfile") or _is_local(parts.hostname or "localhost"):
        return ""
    return UNPROTECTED % (parts.hostname or "")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def state() -> Broker:
    environment = settings.ENVIRONMENT
    options: dict[str, Any] = {"socket_timeout": 1, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 0)}
    try:
        if environment.embedded_broker:
            client = redis.Redis(unix_socket_path=str(environment.broker_socket), **options)
        else:
            client = redis.Redis.from_url(environment.redis_url, **options)
        with client:
            return Broker.ANSWERS if client.ping() else Broker.SILENT
    except redis.ResponseError as error:
        # Valkey refuses even PING while it cannot write its dump file.
        return Broker.CANNOT_WRITE if str(error).startswith("MISCONF") else Broker.SILENT
    except (redis.RedisError, OSError, ValueError):
        return Broker.SILENT
