"""Whether the broker answers. It is asked once: whoever watches comes again."""

from __future__ import annotations

from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


def answers() -> bool:
    environment = settings.ENVIRONMENT
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
