"""The ping: while scans and deliveries go on, somebody outside is told; when they stop, so does it, and they speak up.

One address, the operator's (ALERTADMIN_PING_URL), such as healthchecks gives: a GET to it means alive. Its path is a
token: it is in no log, no page and no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import requests
from django.conf import settings
from urllib3.exceptions import NameResolutionError

from alertadmin.monitoring import health_report, messages
from alertadmin.monitoring.health_report import Health
from alertadmin.monitoring.models import Ping
from mailer.http.http_session import Session

PATIENCE = 10.0
"""Seconds for all of it."""
EVERY = timedelta(minutes=55)
"""Looked at every five minutes, so that it is heard once an hour, and a missed one soon made up for."""


def last() -> Ping | None:
    return Ping.objects.first()


def unheard() -> Ping | None:
    """The last ping, if nobody heard it."""
    before = last() if settings.PINGS else None
    return before if before and before.trouble else None


def is_due(now: datetime) -> bool:
    """Whether nobody heard of us for an hour. By a clock that was set back it is due too."""
    before = last()
    return before is None or before.answered_at is None or not now - EVERY < before.answered_at <= now


def send(now: datetime, *, health: Health | None = None) -> bool | None:
    """Whether it was heard; None where nobody is to be told, or while something is wrong. Raises nothing of the net."""
    if not settings.PINGS or not (health or health_report.check(now)).is_well:
        return None
    trouble = _get(settings.ENVIRONMENT.ping_url)
    heard = {} if trouble else {"answered_at": now}
    Ping.objects.update_or_create(pk=1, defaults={"tried_at": now, "trouble": trouble, **heard})
    return not trouble


def _get(url: str) -> str:
    """Empty if it was heard, else why not."""
    try:
        with _session() as session:
            answer = session.get(url)
    except (requests.RequestException, OSError, ValueError) as error:
        return _why(error)
    return "" if answer.ok and not answer.is_redirect else messages.ANSWERED % {"status": answer.status_code}


def _why(error: BaseException) -> str:
    """The exceptions' own words hold the address."""
    causes = list(_causes(error))
    if any(isinstance(cause, requests.exceptions.SSLError) for cause in causes):
        return messages.UNTRUSTED
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return messages.UNKNOWN_NAME
    if any(isinstance(cause, (TimeoutError, requests.Timeout)) for cause in causes):
        return messages.TOO_SLOW
    return messages.UNREACHABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    """It, and what it wraps: requests and urllib3 pass theirs on as an argument."""
    yield error
    inner = [error.__cause__, getattr(error, "reason", None), *error.args]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)


def _session() -> Session:
    session = Session(timeout=PATIENCE)
    # A watcher in one's own house may well listen without TLS.
    session.mount("http://", session.get_adapter("https://"))
    return session
