"""The names of the log's events, and the function that writes them."""

from __future__ import annotations

import logging
from enum import StrEnum

LOGGER = logging.getLogger("alertadmin.events")


class Event(StrEnum):
    """Names and fields are stable: programs read them. docs/operations.md lists the fields of each."""

    PROCESS_STARTED = "process.started"
    PROCESS_STOPPED = "process.stopped"
    BROKER_AWAY = "broker.away"
    BROKER_BACK = "broker.back"
    CLOCK_SET = "clock.set"
    SCAN_FINISHED = "scan.finished"
    SCAN_FAILED = "scan.failed"
    DELIVERY_SENT = "delivery.sent"
    DELIVERY_WAITS = "delivery.waits"
    DELIVERY_UNCERTAIN = "delivery.uncertain"
    DELIVERY_FAILED = "delivery.failed"
    DELIVERY_CANCELLED = "delivery.cancelled"
    ATTEMPT_FAILED = "attempt.failed"
    ROUTE_FAILING = "route.failing"
    ROUTE_RECOVERED = "route.recovered"
    CONSENT_CHANGED = "consent.changed"
    PART_CHANGED = "part.changed"
    RETENTION_FINISHED = "retention.finished"
    KEY_ADDED = "key.added"
    KEYS_ROTATED = "keys.rotated"
    KEY_RETIRED = "key.retired"
    BACKUP_MADE = "backup.made"
    BACKUP_RESTORED = "backup.restored"
    HTTP_REQUEST = "http.request"
    LINES_DROPPED = "log.dropped"


def log_event(event: Event, level: int = logging.INFO, **fields: object) -> None:
    """Write one line. Fields that are None are left out; other values become JSON values or their `str`.

    Pass ids, slugs, numbers and times, never secrets, names or whole mail addresses (see `domain_of`).
    """
    LOGGER.log(level, event.value, extra={"event": event.value, "fields": fields})


def log_part_change(part: str, is_well: bool, cause: str = "") -> None:
    """Log that a part of `/readyz` became well or failed. `cause` is a slug, not a sentence."""
    log_event(
        Event.PART_CHANGED,
        logging.INFO if is_well else logging.ERROR,
        part=part,
        state="well" if is_well else "not_well",
        cause=cause or None,
    )


def domain_of(address: str) -> str | None:
    """Return a recipient's domain, the only part that the log may have; None if it is not an address."""
    local, at, domain = address.rpartition("@")
    return domain.lower() if local and at and domain else None
