"""Write the deliveries of a scan's reminders: one per recipient or channel and time, with a line for each reminder.

By INSERT … SELECT, so that the number of statements does not depend on the number of reminders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, UUIDField, Value, When
from django.db.models.functions import Cast, Concat

from alertadmin.outbox.models import Channel, Delivery, DeliveryState, Purpose
from alertadmin.reminders.channel_recipients import own
from alertadmin.reminders.models import Level, Recipient, Reminder, ReminderLine, Scan
from alertadmin.reminders.recipients import installation_addresses
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from alertadmin.reminders.scan.batching import CHUNK, WAIT_FOR_PARTS, BatchPart, Slot, at_once, slots
from alertadmin.reminders.scan.insert_select import RandomUUID, insert_from


def fan_out(part: BatchPart, now: datetime) -> int:
    """Write the deliveries and return how many."""
    channels = _ChannelMails.load()
    return sum(_write_mails(slot, now) + channels.write(slot, now) for slot in slots(part, now))


def release(scan: Scan, now: datetime) -> None:
    """After the last part of the scan: deliveries that waited for further parts may be sent."""
    Delivery.objects.filter(
        state=DeliveryState.PENDING,
        created_at=now,
        not_before=now + WAIT_FOR_PARTS,
        dedupe_key__startswith=at_once(scan),
    ).update(not_before=now)


def _write_mails(slot: Slot, now: datetime) -> int:
    """As `recipients` defines: the first level, the escalation level, or all; each recipient once."""
    found, is_everybody = slot.reminders, Q(threshold__lte=ESCALATE_TO_ALL_DAYS)
    written = _to_addresses(slot, found, "tenant__contacts__email_canonical", Q(tenant__contacts__isnull=False), now)
    for scope in ("app", "tenant"):
        written += _to_recipients(slot, found, scope, Level.FIRST, now)
    lines = ReminderLine.objects.filter(reminder=OuterRef("pk"))
    written += _to_installation(slot, found.filter(is_everybody | ~Exists(lines)), Level.FIRST, now)
    further = found.filter(is_escalated=True)
    for scope in ("app", "tenant"):
        written += _to_recipients(slot, further, scope, Level.NEXT, now)
        further = further.filter(is_everybody | ~Exists(_own(scope, Level.NEXT)))
    return written + _to_installation(slot, further, Level.NEXT, now)


def _own(scope: str, line: Level) -> QuerySet[Recipient]:
    return Recipient.objects.filter(**{scope: OuterRef(f"{scope}_id")}, line=line)


def _to_recipients(slot: Slot, found: QuerySet[Reminder], scope: str, line: Level, now: datetime) -> int:
    if not Recipient.objects.filter(**{f"{scope}__isnull": False}, line=line).exists():
        return 0
    path = f"{scope}__recipients"
    matching = Q(**{f"{path}__line": line, f"{path}__isnull": False})
    return _to_addresses(slot, found, f"{path}__email_canonical", matching, now)


def _to_addresses(slot: Slot, found: QuerySet[Reminder], path: str, matching: Q, now: datetime) -> int:
    """Write to the canonical addresses that the path leads to, from each reminder: one mail per address, even if it is
    spelled differently at several tenants."""
    key = Concat(Value(slot.key), F(path), output_field=CharField())
    return _write(slot, found.filter(matching).annotate(key=key), {"recipient": F(path)}, now)


def _write(
    slot: Slot, reminders: QuerySet[Reminder], columns: dict[str, Any], now: datetime, *, to_installation: bool = False
) -> int:
    """A delivery for each `key` of the reminders, and a line in it for each reminder.

    A recipient added between the two statements gets neither row; the next scan covers it.
    """
    reminders = reminders.annotate(**{f"of_{name}": value for name, value in columns.items()})
    targets = reminders.values_list("key", *(f"of_{name}" for name in columns))
    written = insert_from(
        _template(slot, now, to_installation=to_installation),
        ("dedupe_key", *columns, "urgency", "id"),
        targets.annotate(earliest=Min("expires_at"), made=RandomUUID()),
    )
    delivery = Delivery.objects.filter(dedupe_key=OuterRef("key")).values("pk")[:1]
    lines = reminders.annotate(delivery=Subquery(delivery)).filter(delivery__isnull=False)
    insert_from(ReminderLine(), ("reminder_id", "delivery_id"), lines.values_list("pk", "delivery"))
    return written


@dataclass(frozen=True)
class _ChannelMails:
    """Notifies channels, as `channel_recipients` defines; independent of the recipients by mail."""

    lines: frozenset[tuple[str, int]]
    """The scopes ("app", "tenant", "") that have a channel, with its level."""

    @classmethod
    def load(cls) -> _ChannelMails:
        channels = Channel.objects.active().filter(line__isnull=False).order_by()
        scope = Case(
            When(app__isnull=False, then=Value("app")),
            When(tenant__isnull=False, then=Value("tenant")),
            default=Value(""),
        )
        return cls(frozenset(channels.values_list(scope, "line").distinct()))

    def write(self, slot: Slot, now: datetime) -> int:
        if not self.lines:
            return 0
        is_everybody, found = Q(threshold__lte=ESCALATE_TO_ALL_DAYS), slot.reminders
        written = sum(self._to(slot, found, scope, Level.FIRST, now) for scope in ("app", "tenant"))
        for scope in ("app", "tenant"):
            found = found.filter(is_everybody | ~Exists(own(scope, Level.FIRST)))
        written += self._everywhere(slot, found, Level.FIRST, now)
        further = slot.reminders.filter(is_escalated=True)
        for scope in ("app", "tenant"):
            written += self._to(slot, further, scope, Level.NEXT, now)
            further = further.filter(is_everybody | ~Exists(own(scope, Level.NEXT)))
        return written + self._everywhere(slot, further, Level.NEXT, now)

    def _to(self, slot: Slot, found: QuerySet[Reminder], scope: str, line: Level, now: datetime) -> int:
        if (scope, line) not in self.lines:
            return 0
        path = f"{scope}__channels__"
        concerned = found.filter(**{f"{path}line": line, f"{path}is_paused": False})
        key = Concat(Value(f"{slot.key}channel:"), Cast(f"{path}pk", CharField()), output_field=CharField())
        columns = {"recipient": F(f"{path}name"), "channel_label": F(f"{path}label"), "channel_id": F(f"{path}pk")}
        return _write(slot, concerned.annotate(key=key), columns, now)

    def _everywhere(self, slot: Slot, found: QuerySet[Reminder], line: Level, now: datetime) -> int:
        # Without reminders the aggregate would still return one row of constants, with no expiry.
        if ("", line) not in self.lines or not found.exists():
            return 0
        channels = Channel.objects.active().of_the_installation().filter(line=line)
        return sum(
            _write(
                slot,
                found.annotate(key=Value(f"{slot.key}channel:{channel.pk}", output_field=CharField())),
                {
                    "recipient": Value(channel.name, output_field=CharField()),
                    "channel_label": Value(channel.label, output_field=CharField()),
                    "channel_id": Value(channel.pk, output_field=UUIDField()),
                },
                now,
                to_installation=True,
            )
            for channel in channels
        )


def _to_installation(slot: Slot, found: QuerySet[Reminder], line: Level, now: datetime) -> int:
    """Write to the installation's addresses of that level."""
    addresses = installation_addresses(line)
    earliest = found.aggregate(earliest=Min("expires_at"))["earliest"]
    if earliest is None:
        return 0
    # Read before the first line is written: afterwards no reminder would be "without a line".
    keys = list(found.values_list("pk", flat=True))
    return sum(_to_one(slot, address, keys, earliest, now) for address in addresses)


def _to_one(slot: Slot, address: str, reminders: list[int], earliest: datetime, now: datetime) -> int:
    """Add a line for each of these reminders to one delivery, new or waiting."""
    delivery, is_new = Delivery.objects.get_or_create(
        dedupe_key=f"{slot.key}{address}",
        defaults={
            "purpose": Purpose.REMINDER,
            "recipient": address,
            "to_installation": True,
            "urgency": earliest,
            "created_at": now,
            "not_before": slot.at,
        },
    )
    if earliest < delivery.urgency:
        Delivery.objects.filter(pk=delivery.pk).update(urgency=earliest)
    for start in range(0, len(reminders), CHUNK):
        some = Reminder.objects.filter(pk__in=reminders[start : start + CHUNK])
        insert_from(ReminderLine(delivery=delivery), ("reminder_id",), some.values_list("pk"))
    return int(is_new)


def _template(slot: Slot, now: datetime, *, to_installation: bool) -> Delivery:
    return Delivery(purpose=Purpose.REMINDER, created_at=now, not_before=slot.at, to_installation=to_installation)
