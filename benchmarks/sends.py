"""Reminders through the whole outbox (claim, text, attempt row, send, finish) against a loop of the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from alertadmin.outbox import worker
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState
from alertadmin.registry.models import AppRegistration, Contact, Credential, Mailbox, Tenant
from alertadmin.registry.permissions import TransportName
from alertadmin.reminders.scan import scanner
from benchmarks.baselines import send_loop
from benchmarks.installation import Stand
from benchmarks.report import Aim, ReportRow
from benchmarks.sandbox_process import CLOUD, Site, microsoft
from benchmarks.sizes import Effort
from benchmarks.timing import Side, interleaved
from mailer.message import Message


class Bare(Protocol):
    def send(self, messages: Sequence[tuple[str, bytes]]) -> None: ...


def graph(stand: Stand, effort: Effort) -> list[ReportRow]:
    return _sends(stand, effort, TransportName.GRAPH, send_loop.BareGraph, "requests, kept alive", at_least=0.3)


def ews(stand: Stand, effort: Effort) -> list[ReportRow]:
    return _sends(stand, effort, TransportName.EWS, send_loop.BareEws, "exchangelib, kept alive", at_least=0.8)


def smtp(stand: Stand, effort: Effort) -> list[ReportRow]:
    return _sends(stand, effort, TransportName.SMTP, send_loop.BareSmtp, "smtplib, one login", at_least=0.5)


def _sends(
    stand: Stand, effort: Effort, transport: TransportName, bare: Callable[[Site], Bare], what: str, *, at_least: float
) -> list[ReportRow]:
    stand.fresh(f"sends_{transport}")
    with microsoft(stand.folder / "sandbox") as site:
        fill(site, transport, effort.deliveries)
        _forget_connections()
        deliver()
        messages = [_message(delivery, site.address) for delivery in Delivery.objects.all()]
        loop = bare(site)
        ours = Side(deliver, before=make_due_again)
        times = interleaved(ours, Side(lambda: loop.send(messages)), effort.repeats)
    name = f"send {effort.deliveries} reminders by {transport.label}"
    return [ReportRow(name, what, times, Aim(ratio_at_least=at_least), operations=effort.deliveries)]


def deliver() -> None:
    """Send all due deliveries without the rate limit: 30 a minute and mailbox is Exchange's limit."""
    outcomes = worker.deliver_due(rate_limiter=RateLimiter(None))
    if set(outcomes) != {DeliveryState.SENT}:
        raise AssertionError(f"not all was sent: {dict(outcomes)}")


@transaction.atomic
def fill(site: Site, transport: TransportName, deliveries: int) -> None:
    """Create a customer who sends, and one with an expiring secret for each mail."""
    now = timezone.now()
    home = Tenant.objects.create(name="Northpark Energy", directory_id=site.app.directory_id, cloud=CLOUD)
    app = AppRegistration.objects.create(tenant=home, name="ALERT", client_id=site.app.client_id)
    secret = Credential(app=app, description="in use", expires_at=now + timedelta(days=300))
    secret.store(site.secret)
    secret.save()
    Mailbox.objects.create(tenant=home, app=app, address=site.address, transport=transport, sends_reminders=True)
    for number in range(deliveries):
        name = f"Customer {number}"
        tenant = Tenant.objects.create(name=name, directory_id=f"00000000-0000-4000-8000-{number:012d}", cloud=CLOUD)
        Contact.objects.create(tenant=tenant, email=f"duty@customer{number}.example")
        theirs = AppRegistration.objects.create(tenant=tenant, name="ALERT", client_id=tenant.directory_id)
        Credential.objects.create(app=theirs, description="ALERT 2024", expires_at=now + timedelta(days=20))
    scanner.run(now)


def make_due_again() -> None:
    Attempt.objects.all().delete()
    Delivery.objects.all().update(
        state=DeliveryState.PENDING, composed_at=None, tries=0, settled_at=None, subject="", text="", html=""
    )


def _message(delivery: Delivery, sender: str) -> tuple[str, bytes]:
    """Return the sent message for the baseline's loop."""
    message = Message(
        subject=delivery.subject,
        text=delivery.text,
        html=delivery.html,
        to=(delivery.recipient,),
        message_id=delivery.message_id,
        date=timezone.now(),
    )
    return delivery.recipient, message.as_bytes(sender)


def _forget_connections() -> None:
    for kept in (connections.tokens, connections.transport, connections.open_relay):
        kept.cache_clear()
