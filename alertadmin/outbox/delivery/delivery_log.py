"""Log lines about deliveries: how each was settled, and which routes fail.

An outage of a route is logged when it begins, every five minutes with a count, and when it is over. Each process counts
for itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from uuid import UUID

from alertadmin.operator_log import Event, log_event
from alertadmin.operator_log.events import domain_of
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState

WINDOW = 300.0
"""Seconds between two log lines about the same failure of the same route."""
MOST_REMEMBERED = 5_000
"""Failures to remember; beyond that all are forgotten, and logged as new."""
MESSAGE_CAUSES = frozenset({"recipient_rejected", "message_too_large"})
"""Causes that concern the message, not the route."""

RouteKey = tuple[str, UUID | None, UUID | None]
"""Transport, mailbox, channel."""


@dataclass
class _Failing:
    begun: float
    last_line: float
    total: int = 0
    """Number of failures since `begun`."""
    unlogged: int = 0
    """Number of failures since the last log line."""
    is_logged: bool = False
    """Whether the failure was logged, and the recovery not yet."""


class FailureCounts:
    """Counts failures by route and cause."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[RouteKey, dict[str, _Failing]] = {}
        self._counting = Lock()

    def failed(self, attempt: Attempt) -> None:
        now, cause = self._clock(), attempt.cause or str(attempt.outcome)
        if cause in MESSAGE_CAUSES:
            _log_failure(Event.ATTEMPT_FAILED, attempt, cause)
            return
        with self._counting:
            if len(self._known) > MOST_REMEMBERED:
                self._known.clear()
            failures = self._known.setdefault(_key_of(attempt), {})
            known = failures.get(cause)
            is_new = known is None or (not known.total and now - known.last_line >= WINDOW)
            if known is None or is_new:
                known = failures[cause] = _Failing(now, now)
            known.total += 1
            known.unlogged += 1
            if not is_new and now - known.last_line < WINDOW:
                return
            count, known.unlogged, known.last_line, known.is_logged = known.unlogged, 0, now, True
        if is_new:
            _log_failure(Event.ATTEMPT_FAILED, attempt, cause)
        else:
            seconds = round(now - known.begun)
            _log_failure(Event.ROUTE_FAILING, attempt, cause, count=count, total=known.total, failing_s=seconds)

    def worked(self, attempt: Attempt) -> None:
        """Log the recovery once. A route that keeps failing in between is counted until its next line is due."""
        now = self._clock()
        with self._counting:
            logged = [one for one in self._known.get(_key_of(attempt), {}).values() if one.is_logged]
            failures = sum(one.total for one in logged)
            begun = min((one.begun for one in logged), default=now)
            for one in logged:
                one.begun = one.last_line = now
                one.total, one.unlogged, one.is_logged = 0, 0, False
        if logged:
            log_event(
                Event.ROUTE_RECOVERED,
                logging.INFO,
                **_route_of(attempt),
                failures=failures,
                failing_s=round(now - begun),
            )


FAILURES = FailureCounts()


def log_attempt(attempt: Attempt) -> None:
    """Log an attempt. Call it after the commit that closed the attempt."""
    if attempt.outcome == AttemptOutcome.ACCEPTED:
        FAILURES.worked(attempt)
    elif attempt.outcome != AttemptOutcome.OPEN:
        FAILURES.failed(attempt)


def log_delivery(delivery: Delivery, now: datetime, attempt: Attempt | None = None) -> None:
    """Log a delivery. Call it after the commit that set its state. `attempt` is the one that decided it.

    A delivery that waits for its next try is logged at DEBUG: its attempt's line states the cause, and an outage would
    write thousands of lines.
    """
    event, level = _outcome_of(delivery)
    log_event(
        event,
        level,
        delivery=delivery.pk,
        purpose=delivery.purpose,
        to_domain=None if delivery.uses_channel else domain_of(delivery.recipient),
        **(_route_of(attempt) if attempt else {}),
        cause=delivery.cause or None,
        tries=delivery.tries,
        age_s=round((now - delivery.created_at).total_seconds()),
        next_try=delivery.not_before if event == Event.DELIVERY_WAITS else None,
    )


def log_waiting(count: int, cause: str, until: datetime) -> None:
    """Log that `count` deliveries wait together, because no route is available."""
    if count:
        log_event(Event.DELIVERY_WAITS, logging.WARNING, count=count, cause=cause or None, next_try=until)


def log_worker_lost(delivery: Delivery) -> None:
    """Log that a delivery was reclaimed from a worker that died or was suspended during an attempt."""
    log_event(Event.DELIVERY_UNCERTAIN, logging.WARNING, delivery=delivery.pk, cause="worker_lost")


def _outcome_of(delivery: Delivery) -> tuple[Event, int]:
    if delivery.state == DeliveryState.UNCERTAIN and delivery.settled_at is not None:
        return Event.DELIVERY_UNCERTAIN, logging.WARNING
    return {
        DeliveryState.SENT.value: (Event.DELIVERY_SENT, logging.INFO),
        DeliveryState.FAILED.value: (Event.DELIVERY_FAILED, logging.ERROR),
        DeliveryState.CANCELLED.value: (Event.DELIVERY_CANCELLED, logging.INFO),
    }.get(delivery.state, (Event.DELIVERY_WAITS, logging.DEBUG))


def _log_failure(event: Event, attempt: Attempt, cause: str, **counts: int) -> None:
    answer = getattr(attempt, "answer", "")
    log_event(
        event,
        logging.WARNING,
        delivery=attempt.delivery_id,
        try_number=attempt.number,
        **_route_of(attempt),
        outcome=str(attempt.outcome),
        answer=str(answer) if answer else None,
        cause=cause,
        **counts,
    )


def _key_of(attempt: Attempt) -> RouteKey:
    return attempt.transport, attempt.mailbox_id, attempt.channel_id


def _route_of(attempt: Attempt) -> dict[str, object]:
    """Ids only: a mailbox's address is shown on its page."""
    return {
        "transport": attempt.transport or ("channel" if attempt.channel_id else None),
        "mailbox": attempt.mailbox_id,
        "channel": attempt.channel_id,
    }
