"""Who is told of a scan's reminders, by which delivery: one for each recipient and moment, a notice for each line.

Written where it is found, by INSERT … SELECT, whatever the number of reminders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import CharField, Exists, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat, Lower

from alertadmin.outbox import claims
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.reminders import policies, timing
from alertadmin.reminders.audience import everywhere
from alertadmin.reminders.bulk import RandomUUID, insert_from
from alertadmin.reminders.models import Line, Notice, Policy, Recipient, Reminder, Scan
from alertadmin.reminders.plan import DEFAULT, EVERYBODY, Plan
from alertadmin.reminders.rules import next_mark

CHUNK = 500


@dataclass(frozen=True)
class Slot:
    """Reminders that leave at the same moment. `key` is the same for what goes into the same mail."""

    key: str
    at: datetime
    reminders: QuerySet[Reminder]


def write(scan: Scan, now: datetime) -> int:
    """Returns how many deliveries were written."""
    return sum(_tell(slot, now) for slot in _slots(scan, now))


def _slots(scan: Scan, now: datetime) -> Iterator[Slot]:
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
    rows = list(found.values_list("pk", "tenant_id", "app_id", "threshold", "expires_at"))
    timings = policies.timings({(tenant, app) for _pk, tenant, app, _threshold, _end in rows})
    plans = _Plans()
    moments: dict[datetime, list[int]] = {}
    for key, tenant, app, threshold, expires_at in rows:
        following = next_mark(expires_at, threshold, plans.of(tenant, app))
        at = timing.send_at(timings[tenant, app], now, threshold, following, expires_at)
        moments.setdefault(at, []).append(key)
    return moments


class _Plans:
    """The plans in force, looked up once for each app."""

    def __init__(self) -> None:
        own = Policy.objects.exclude(plan="").values_list("tenant_id", "app_id", "plan")
        self._own: dict[tuple[UUID | None, UUID | None], Plan] = {
            (tenant, app): Plan.of(text) for tenant, app, text in own
        }
        self._sender = policies.sending_app()

    def of(self, tenant: UUID, app: UUID | None) -> Plan:
        own = self._own.get((None, app)) if app else None
        plan = own or self._own.get((tenant, None)) or self._own.get((None, None)) or DEFAULT
        return plan.earlier() if app and app == self._sender else plan


def _tell(slot: Slot, now: datetime) -> int:
    """As `audience` says: the first in line, the next, or everybody; whoever is in several lines is told once."""
    found, is_everybody = slot.reminders, Q(threshold__lte=EVERYBODY)
    written = _to_addresses(slot, found, "tenant__contacts__email", Q(tenant__contacts__isnull=False), now)
    for scope in ("app", "tenant"):
        written += _to_recipients(slot, found, scope, Line.FIRST, now)
    told = Notice.objects.filter(reminder=OuterRef("pk"))
    written += _to_everywhere(slot, found.filter(is_everybody | ~Exists(told)), Line.FIRST, now)
    further = found.filter(is_escalated=True)
    for scope in ("app", "tenant"):
        written += _to_recipients(slot, further, scope, Line.NEXT, now)
        further = further.filter(is_everybody | ~Exists(_own(scope, Line.NEXT)))
    return written + _to_everywhere(slot, further, Line.NEXT, now)


def _own(scope: str, line: Line) -> QuerySet[Recipient]:
    return Recipient.objects.filter(**{scope: OuterRef(f"{scope}_id")}, line=line)


def _to_recipients(slot: Slot, found: QuerySet[Reminder], scope: str, line: Line, now: datetime) -> int:
    if not Recipient.objects.filter(**{f"{scope}__isnull": False}, line=line).exists():
        return 0
    path = f"{scope}__recipients"
    matching = Q(**{f"{path}__line": line, f"{path}__isnull": False})
    return _to_addresses(slot, found, f"{path}__email", matching, now)


def _to_addresses(slot: Slot, found: QuerySet[Reminder], path: str, matching: Q, now: datetime) -> int:
    """To whoever the path leads to, from each reminder."""
    key = Concat(Value(slot.key), Lower(path), output_field=CharField())
    told = found.filter(matching).annotate(address=Lower(path), key=key)
    recipients = told.values_list("address", "key").annotate(earliest=Min("expires_at"), made=RandomUUID())
    written = insert_from(_like(slot, now), ("recipient", "dedupe_key", "urgency", "id"), recipients)
    delivery = Delivery.objects.filter(dedupe_key=OuterRef("key")).values("pk")[:1]
    insert_from(Notice(), ("reminder_id", "delivery_id"), told.values_list("pk", Subquery(delivery)))
    return written


def _to_everywhere(slot: Slot, found: QuerySet[Reminder], line: Line, now: datetime) -> int:
    """To the installation's people of that line."""
    addresses = everywhere(line)
    earliest = found.aggregate(earliest=Min("expires_at"))["earliest"]
    if earliest is None:
        return 0
    # Found before the first notice is written: "those without a notice" would be nobody after it.
    keys = list(found.values_list("pk", flat=True))
    return sum(_to_one(slot, address, keys, earliest, now) for address in addresses)


def _to_one(slot: Slot, address: str, reminders: list[int], earliest: datetime, now: datetime) -> int:
    """One delivery, new or waiting already, and a notice in it for each of these reminders."""
    delivery, is_new = Delivery.objects.get_or_create(
        dedupe_key=f"{slot.key}{address}",
        defaults={
            "purpose": Purpose.REMINDER,
            "recipient": address,
            "urgency": earliest,
            "created_at": now,
            "not_before": slot.at,
        },
    )
    if earliest < delivery.urgency:
        Delivery.objects.filter(pk=delivery.pk).update(urgency=earliest)
    for start in range(0, len(reminders), CHUNK):
        some = Reminder.objects.filter(pk__in=reminders[start : start + CHUNK])
        insert_from(Notice(delivery=delivery), ("reminder_id",), some.values_list("pk"))
    return int(is_new)


def _like(slot: Slot, now: datetime) -> Delivery:
    return Delivery(purpose=Purpose.REMINDER, created_at=now, not_before=slot.at)
