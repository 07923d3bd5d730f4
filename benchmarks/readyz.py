"""`/readyz` and the overview with very many secrets and waiting mails, and the worker's check of all parts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import cycle

from django.db import connection
from django.test import Client

from alertadmin.monitoring import health_report, worker_heartbeat
from alertadmin.monitoring.models import Heartbeat
from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.outbox.queue.clock import DatabaseClock
from alertadmin.registry.models import AppRegistration, Mailbox
from benchmarks.installation import Stand
from benchmarks.pages import _get, _signed_in
from benchmarks.report import Aim, ReportRow
from benchmarks.sizes import Effort
from benchmarks.timing import Side, Times, interleaved

WAITING = 10
"""Waiting mails: a tenth of the number of secrets."""
MAILBOXES = 100
ATTEMPTS = 3
"""Attempts of each delivery."""
ASKED = 30
"""Factor of repeats: the slowest of twenty is what a monitoring service meets."""


def readyz(stand: Stand, effort: Effort) -> list[ReportRow]:
    many = effort.sizes[-1]
    stand.filled(many)
    waiting = many // WAITING
    _let_wait(waiting, mailboxes=max(1, many // MAILBOXES))
    worker_heartbeat.beat()
    stranger, signed_in = Client(SERVER_NAME="localhost"), _signed_in()
    healthz = Side(partial(stranger.get, "/healthz"))
    what = f"of {many:,}, {waiting:,} mails waiting"
    asked: list[tuple[str, Callable[[], object], Aim, int]] = [
        (f"/readyz for a stranger, {what}", partial(stranger.get, "/readyz"), Aim(seconds_at_most=0.02), ASKED),
        (f"overview, {what}", partial(_get, signed_in, "/"), Aim(seconds_at_most=0.3), 3),
        (f"another page, {what}", partial(_get, signed_in, "/calendars/"), Aim(seconds_at_most=0.05), 3),
        (f"the look at everything, {what}", _look, Aim(seconds_at_most=2), 1),
    ]
    return [_measured(name, run, healthz, aim, effort.repeats * times) for name, run, aim, times in asked]


def _measured(name: str, run: Callable[[], object], bare: Side, aim: Aim, repeats: int) -> ReportRow:
    times: Times = interleaved(Side(run, before=heartbeat_alone), bare, repeats)
    slowest = sorted(times.ours)[int(len(times.ours) * 0.95)]
    return ReportRow(name, "/healthz by the same stack", times, aim, note=f"p95 {slowest * 1000:.1f} ms")


def heartbeat_alone() -> None:
    """Store the result as the worker does, without the check."""
    now = DatabaseClock()()
    Heartbeat.beat(Heartbeat.Source.WORKER, now)
    Heartbeat.objects.update(checked_at=now)


def _look() -> None:
    health_report.check(DatabaseClock()())


def _let_wait(count: int, mailboxes: int) -> None:
    """Create waiting reminders, and attempts of others by so many mailboxes."""
    now = DatabaseClock()()
    apps = list(AppRegistration.objects.select_related("tenant")[:mailboxes])
    senders = [
        Mailbox(tenant=app.tenant, app=app, address=f"alarms{number}@x.example", transport="graph")
        for number, app in enumerate(apps)
    ]
    Mailbox.objects.bulk_create(senders, batch_size=1000)
    deliveries = [
        Delivery(
            purpose="reminder",
            dedupe_key=f"waiting:{number}",
            recipient=f"duty{number}@x.example",
            not_before=now + timedelta(hours=1),
            urgency=now + timedelta(seconds=number),
        )
        for number in range(count)
    ]
    Delivery.objects.bulk_create(deliveries, batch_size=1000)
    by = cycle(senders)
    attempts = [
        Attempt(
            delivery=delivery,
            number=number + 1,
            owner=uuid.uuid4(),
            route="alarms, Microsoft Graph",
            transport="graph",
            mailbox=next(by),
            started_at=now - timedelta(minutes=number),
            outcome="accepted" if number == 0 else "refused",
            cause="" if number == 0 else "network",
        )
        for delivery in deliveries
        for number in range(ATTEMPTS)
    ]
    Attempt.objects.bulk_create(attempts, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
