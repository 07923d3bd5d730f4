"""Collect the facts for `health_checks.judge` from the database, the broker, the disk, the keys and the settings."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from alertadmin.crypto import key_usage
from alertadmin.monitoring import broker
from alertadmin.monitoring.health_checks import COMMAND_AFTER, TRIED_AFTER, Facts, Group, Queue, Runner, runner
from alertadmin.monitoring.models import Heartbeat
from alertadmin.monitoring.setting_checks import bad_settings
from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.delivery.tenant_mailboxes import sendable, tenants_without_mailbox
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import ClockIsWrong, check
from alertadmin.registry.installation_mailbox import has_several_tenants
from alertadmin.registry.models import Credential
from alertadmin.reminders.scan import scanner
from mailer.coded_text import message_of

MAX_NAMED = 5
"""Number of failed routes that are named; the others are counted."""
MIN_FREE = 16 * 1024 * 1024
"""Bytes. With less, the next commit of a database may fail."""


def gather(now: datetime) -> Facts:
    """All facts. The cost grows with the number of open deliveries and of mailboxes."""
    beats = Heartbeat.times()
    failed, count = route_health.failed_routes(now, most=MAX_NAMED)
    chain = Router.for_reminders(now)
    last = scanner.last_finished()
    lacks_own_route = not chain.installation_routes and has_several_tenants()
    return Facts(
        now,
        clock_error(now),
        beats.get(Heartbeat.Source.WORKER),
        beats.get(Heartbeat.Source.COMMAND),
        last.finished_at if last else None,
        broker.state(),
        disk_is_full(),
        queue(now, runner(beats.get(Heartbeat.Source.WORKER), beats.get(Heartbeat.Source.COMMAND), now)),
        bool(chain.installation_routes or chain.last_resorts or sendable().exists()),
        lacks_own_route,
        tenants_without_mailbox() if lacks_own_route and not chain.last_resorts else 0,
        Credential.objects.watched().exists(),
        tuple(failed),
        count,
        key_usage.problem(),
        tuple(bad_settings()),
        tuple(last.left_out) if last else (),
    )


def clock_error(now: datetime) -> str:
    """A stored text; empty if `now` and this machine's own time are plausible."""
    try:
        check(min(now, timezone.now()))
    except ClockIsWrong as error:
        return message_of(error)
    return ""


def last_scan() -> datetime | None:
    last = scanner.last_finished()
    return last.finished_at if last else None


def disk_is_full() -> bool:
    """Whether the data folder's disk is full; the disk of a remote PostgreSQL is not checked."""
    try:
        found = os.statvfs(settings.DATA_DIR)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < MIN_FREE


def queue(now: datetime, by: Runner = Runner.WORKER) -> Queue:
    """One query if all is well, and one more for each problem."""
    is_waiting = ~Q(state=DeliveryState.SENDING)
    since = now - (TRIED_AFTER if by is Runner.WORKER else COMMAND_AFTER)
    overdue = Q(is_waiting, not_before__lte=since)
    abandoned = Q(state=DeliveryState.SENDING, lease_until__lte=since)
    in_doubt = Q(state=DeliveryState.UNCERTAIN) | Q(was_uncertain=True)
    failing = claims.AWAITING_RETRY & ~in_doubt
    found = _open().aggregate(
        waiting=Count("pk"),
        due=Count("pk", filter=Q(is_waiting, not_before__lte=now)),
        held=Count("pk", filter=claims.in_review(now)),
        in_doubt=Count("pk", filter=in_doubt),
        failing=Count("pk", filter=failing),
        untried=Count("pk", filter=overdue | abandoned),
    )
    if found["untried"] and _tried_within(now, now - since):
        found["untried"] = 0
    return Queue(
        found["waiting"],
        found["due"],
        found["held"],
        _group(in_doubt) if found["in_doubt"] else Group(),
        _group(failing) if found["failing"] else Group(),
        _group(overdue | abandoned) if found["untried"] else Group(),
    )


def _open() -> QuerySet[Delivery]:
    return claims.open_deliveries().exclude(purpose=Purpose.TEST).order_by()


def _group(which: Q) -> Group:
    found = _open().filter(which)
    totals = found.aggregate(count=Count("pk"), since=Min("created_at"), next_try=Min("not_before"))
    cause = found.order_by("urgency", "id").values_list("cause", flat=True).first() or ""
    return Group(totals["count"], totals["since"], totals["next_try"], cause)


def _tried_within(now: datetime, distance: timedelta) -> bool:
    """Whether other deliveries were tried recently: then a due one only waits behind them."""
    last = Attempt.objects.exclude(delivery__purpose=Purpose.TEST).order_by("-pk").first()
    return last is not None and abs(now - last.started_at) < distance
