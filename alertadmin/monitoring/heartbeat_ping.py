"""The heartbeat ping: while all is well, an external monitor receives a request every hour; if it stops, that monitor
raises the alarm.

The operator sets one address (ALERTADMIN_PING_URL), such as one from healthchecks.io; a GET to it means alive. Its path
is a token: it is in no log, page or row.
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
from mailer.http.outbound_proxy import OutboundProxyError

TIMEOUT = 10.0
"""Seconds in total."""
INTERVAL = timedelta(minutes=55)
"""Checked every five minutes, so that a ping is sent hourly, and a failed one is soon repeated."""


def last() -> Ping | None:
    return Ping.objects.first()


def failed_ping() -> Ping | None:
    """The last ping, if it failed."""
    before = last() if settings.PINGS else None
    return before if before and before.trouble else None


def is_due(now: datetime) -> bool:
    """Whether no ping succeeded within an hour; also if the clock was set back."""
    before = last()
    return before is None or before.answered_at is None or not now - INTERVAL < before.answered_at <= now


def send(now: datetime, *, health: Health | None = None) -> bool | None:
    """Send a ping; return whether it succeeded. None if none is configured or there is a problem. Raises no network
    errors."""
    if not settings.PINGS or not (health or health_report.check(now)).is_well:
        return None
    trouble = _get(settings.ENVIRONMENT.ping_url)
    success = {} if trouble else {"answered_at": now}
    Ping.objects.update_or_create(pk=1, defaults={"tried_at": now, "trouble": trouble, **success})
    return not trouble


def _get(url: str) -> str:
    """Empty on success, else the reason."""
    try:
        with _session() as session:
            answer = session.get(url)
    except (requests.RequestException, OSError, ValueError) as error:
        return _reason(error)
    return "" if answer.ok and not answer.is_redirect else messages.ANSWERED % {"status": answer.status_code}


def _reason(error: BaseException) -> str:
    """A reason without the exception's text, which contains the address."""
    causes = list(_causes(error))
    if any(isinstance(cause, OutboundProxyError) for cause in causes):
        return messages.PROXY_REFUSED
    if any(isinstance(cause, requests.exceptions.SSLError) for cause in causes):
        return messages.UNTRUSTED
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return messages.UNKNOWN_NAME
    if any(isinstance(cause, (TimeoutError, requests.Timeout)) for cause in causes):
        return messages.TOO_SLOW
    return messages.UNREACHABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes: requests and urllib3 pass theirs as an argument."""
    yield error
    inner = [error.__cause__, getattr(error, "reason", None), *error.args]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)


def _session() -> Session:
    session = Session(timeout=TIMEOUT)
    # A monitor in the local network may listen without TLS.
    session.mount("http://", session.get_adapter("https://"))
    return session
