"""When what a scan found leaves: at once, or later by the hours, days and digests of its policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from alertadmin.outbox import claims
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.reminders import policies, timing
from alertadmin.reminders.models import Policy, Reminder, Scan
from alertadmin.reminders.rules import next_mark

CHUNK = 500
Rule = Callable[[timing.Timing, datetime, int, datetime, datetime], datetime]


@dataclass(frozen=True)
class Slot:
    """Reminders that leave at the same moment. `key` is the same for what goes into the same mail."""

    key: str
    at: datetime
    reminders: QuerySet[Reminder]


def slots(scan: Scan, now: datetime) -> Iterator[Slot]:
    found = Reminder.objects.filter(scan=scan)
    at_once = f"reminder:{scan.pk}:"
    if not policies.any_timing():
        yield Slot(at_once, now, found)
        return
    # Scans at once gather into the same mails: one after the other.
    list(Policy.objects.select_for_update().filter(has_timing=True).values_list("pk"))
    for at, keys in _moments(found, now).items():
        key = at_once if at <= now else _gathering(scan, at, now)
        for start in range(0, len(keys), CHUNK):
            yield Slot(key, at, found.filter(pk__in=keys[start : start + CHUNK]))


def _gathering(scan: Scan, at: datetime, now: datetime) -> str:
    """The key of the mails that leave then. Where one of them has begun to leave (somebody did not want to wait for its
    hour), this scan's leave by themselves: what is added to a mail that is worded already is told nobody."""
    key = f"reminder:at:{at.isoformat()}:"
    recent = Delivery.objects.filter(created_at__gt=now - claims.LONGEST_BELIEVED, dedupe_key__startswith=key)
    # All of them are locked until our notices are in, so that none begins to leave meanwhile.
    states = recent.select_for_update().values_list("state", "tries")
    has_begun = any((state, tries) != (DeliveryState.PENDING, 0) for state, tries in states)
    return f"{key}{scan.pk}:" if has_begun else key


def _moments(found: QuerySet[Reminder], now: datetime) -> dict[datetime, list[int]]:
    """When each reminder leaves, by the timing of its app or tenant."""
    moments: dict[datetime, list[int]] = {}
    for key, at in _timed(found, now, timing.send_at):
        moments.setdefault(at, []).append(key)
    return moments


def may_leave(reminders: QuerySet[Reminder], now: datetime) -> datetime:
    """When a mail of these may leave that is not waiting for a digest (any more): as soon as one of them may."""
    if not policies.any_timing():
        return now
    return min(at for _key, at in _timed(reminders, now, timing.may_leave))


def _timed(found: QuerySet[Reminder], now: datetime, rule: Rule) -> Iterator[tuple[int, datetime]]:
    """The moment that a rule of `timing` gives for each."""
    rows = list(found.values_list("pk", "tenant_id", "app_id", "threshold", "expires_at"))
    timings = policies.timings({(tenant, app) for _pk, tenant, app, _threshold, _end in rows})
    plans = policies.Plans()
    for key, tenant, app, threshold, expires_at in rows:
        following = next_mark(expires_at, threshold, plans.of(tenant, app))
        yield key, rule(timings[tenant, app], now, threshold, following, expires_at)
