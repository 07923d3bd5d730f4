"""When the reminders of a scan are sent: at once, or later by the hours, days and digests of their policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from alertadmin.reminders import policies
from alertadmin.reminders.models import Policy, Reminder, Scan
from alertadmin.reminders.rules import delivery_window
from alertadmin.reminders.rules.schedule import next_cutoff
from alertadmin.stored_values import read_each

CHUNK = 500
Rule = Callable[[delivery_window.Timing, datetime, int, datetime, datetime], datetime]


WAIT_FOR_PARTS = timedelta(minutes=5)
"""How long the mails of a scan in parts wait for its further parts, so that each recipient gets one mail. If the scan
is killed they are sent then."""


@dataclass(frozen=True)
class BatchPart:
    """Some of a scan's reminders, written in one transaction."""

    scan: Scan
    number: int
    """0 for the first."""
    after: int
    """The greatest id of a reminder of the earlier parts."""

    @property
    def reminders(self) -> QuerySet[Reminder]:
        return Reminder.objects.filter(scan=self.scan, pk__gt=self.after)


@dataclass(frozen=True)
class Slot:
    """Reminders that are sent at the same time. `key` is the same for those in the same mail."""

    key: str
    at: datetime
    reminders: QuerySet[Reminder]


def at_once(scan: Scan) -> str:
    """Prefix of the keys of mails that are sent without delay."""
    return f"reminder:{scan.pk}:"


def slots(part: BatchPart, now: datetime) -> Iterator[Slot]:
    found = part.reminders
    if not policies.any_timing():
        yield _immediate_slot(part, found, now)
        return
    # Concurrent scans add to the same mails, one after the other.
    list(Policy.objects.select_for_update().filter(has_timing=True).values_list("pk"))
    for at, keys in _moments(found, now).items():
        slot = _immediate_slot(part, found, now) if at <= now else Slot(_digest_key(part, at, now), at, found)
        for start in range(0, len(keys), CHUNK):
            yield replace(slot, reminders=found.filter(pk__in=keys[start : start + CHUNK]))


def _immediate_slot(part: BatchPart, found: QuerySet[Reminder], now: datetime) -> Slot:
    key = at_once(part.scan)
    leaves = now if part.scan.finished_at else now + WAIT_FOR_PARTS
    return Slot(_unsent_key(part, key, now) if part.number else key, leaves, found)


def _digest_key(part: BatchPart, at: datetime, now: datetime) -> str:
    """The key of the mails that are sent at that time."""
    return _unsent_key(part, f"reminder:at:{at.isoformat()}:", now)


def _unsent_key(part: BatchPart, key: str, now: datetime) -> str:
    """The key; if one of its mails is being sent already (a user sent it early), another key of this scan or part: a
    line added to a mail that is already composed would not be sent."""
    for further in (f"{part.scan.pk}:", f"part-{part.number}:"):
        if not _is_being_sent(key, now):
            break
        key += further
    return key


def _is_being_sent(key: str, now: datetime) -> bool:
    recent = Delivery.objects.filter(created_at__gt=now - claims.MAX_DELAY, dedupe_key__startswith=key)
    # All of them are locked until our lines are written, so that none is sent meanwhile.
    states = recent.select_for_update().values_list("state", "tries")
    return any((state, tries) != (DeliveryState.PENDING, 0) for state, tries in states)


def _moments(found: QuerySet[Reminder], now: datetime) -> dict[datetime, list[int]]:
    """When each reminder is sent, by the timing of its app or tenant."""
    moments: dict[datetime, list[int]] = {}
    for key, at in _timed(found, now, delivery_window.send_at):
        moments.setdefault(at, []).append(key)
    return moments


def earliest_send_at(reminders: QuerySet[Reminder], now: datetime) -> datetime:
    """When a mail of these reminders that does not wait for a digest may be sent: as soon as one of them may."""
    if not policies.any_timing():
        return now
    return min(at for _key, at in _timed(reminders, now, delivery_window.earliest_send_at))


def _timed(found: QuerySet[Reminder], now: datetime, rule: Rule) -> Iterator[tuple[int, datetime]]:
    """The result of a rule of `delivery_window` for each reminder; `now` for one whose hours cannot be computed."""
    rows = list(found.values("pk", "tenant_id", "app_id", "threshold", "expires_at"))
    timings = policies.timings({(row["tenant_id"], row["app_id"]) for row in rows})
    plans = policies.Plans()

    def time_of(row: Mapping[str, Any]) -> datetime:
        following = next_cutoff(row["expires_at"], row["threshold"], plans.of(row["tenant_id"], row["app_id"]))
        return rule(timings[row["tenant_id"], row["app_id"]], now, row["threshold"], following, row["expires_at"])

    for row, at in read_each(rows, time_of, "the hours of reminder"):
        yield row["pk"], at or now
