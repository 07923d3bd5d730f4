"""An installation with due reminders, its provider, and a clock that the scenario advances.

Rows, scan, outbox and transports are those of production, over real sockets and TLS. Time is an argument: a worker runs
every half minute of the scenario's clock, like beat, whenever a delivery may be due.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.test import override_settings

from alertadmin.outbox import worker
from alertadmin.outbox.channels import webhook
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Channel, Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant
from alertadmin.registry.permissions import TransportName
from alertadmin.reminders.models import Reminder, Scan
from alertadmin.reminders.restore import detection
from alertadmin.reminders.scan import scanner
from mailer.http.ssrf_guard import EgressAllowlist
from tests.factories import Rows
from tests.outages.provider import CLOUD, Provider
from tests.outbox.fake_clock import Time

BEGIN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BEAT = timedelta(seconds=30)
LONG_BEAT = timedelta(minutes=10)
"""Time between runs once the outage is hours old: waits of an hour need no finer steps."""
HOURS_OLD = timedelta(hours=2)
TOKEN_LIFE = timedelta(hours=1)
SHORT_DEADLINE = 0.3
"""Seconds of real time that a request may take while an endpoint is silent."""
LONG_DEADLINE = 30.0
"""Seconds; a busy machine is given time where an answer comes."""
LONGEST_SCENARIO = timedelta(days=4)
"""After its begin; what did not arrive by then is lost."""


@contextmanager
def installed(provider: Provider, *, relay: bool) -> Iterator[None]:
    """The settings of an installation that knows the provider, with or without its relay."""
    values = {"ALERTADMIN_CLOUDS_FILE": str(provider.clouds_file)}
    if relay:
        values["ALERTADMIN_SMTP_URL"] = f"smtp://localhost:{provider.relay.port}"
    environment: Any = settings.ENVIRONMENT
    kept = {name: value for name, value in environment.values.items() if name != "ALERTADMIN_SMTP_URL"}
    environment = dataclasses.replace(environment, values={**kept, **values})
    forget_connections()
    with (
        override_settings(ENVIRONMENT=environment, INSIDE_TARGETS=EgressAllowlist.parse("127.0.0.0/8, ::1")),
        provider.name_service(),
    ):
        yield
    forget_connections()


def forget_connections() -> None:
    """As in a process that has just started."""
    connections.tokens.cache_clear()
    connections.transport.cache_clear()
    connections.open_relay.cache_clear()


def delete_rows() -> None:
    for model in (Reminder, Delivery, Channel, Tenant, Scan):
        model._default_manager.all().delete()
    # Otherwise the first scan of the next scenario detects a restored database.
    (settings.DATA_DIR / detection.NAME).unlink(missing_ok=True)


@dataclass
class Verdict:
    """Numbers of recipients; `is_kept` is the promise."""

    owed: int = 0
    arrived: int = 0
    late_by: timedelta = timedelta(0)
    """Of the last first arrival."""
    copies: int = 0
    """Of all messages, those beyond the first of each recipient."""
    needless: int = 0
    """Copies that no hidden acceptance explains."""
    unlike: int = 0
    """Recipients whose copies have another Message-ID or Date."""
    unsettled: int = 0
    """Deliveries that arrived and do not say so."""

    @property
    def lost(self) -> int:
        return self.owed - self.arrived

    @property
    def is_kept(self) -> bool:
        return not (self.lost or self.needless or self.unlike or self.unsettled)


@dataclass
class Scenario:
    """`mailboxes` are those that send, each of an app of its own unless `one_app`."""

    provider: Provider
    time: Time
    mailboxes: list[Mailbox] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    rate_limiter: RateLimiter = field(default_factory=RateLimiter)
    outcomes: Counter[str] = field(default_factory=Counter)
    _tokens_since: datetime = BEGIN

    @classmethod
    def begin(
        cls,
        provider: Provider,
        time: Time,
        *,
        transports: tuple[str, ...] = ("graph", "graph"),
        recipients: int = 3,
        one_app: bool = False,
        days: float = 6.5,
    ) -> Scenario:
        """Rows for one secret that expires in so many days: by default no other threshold is within the next three."""
        delete_rows()
        provider.reset()
        time.now = BEGIN
        provider.follow()
        rows = Rows(BEGIN)
        scenario = cls(provider, time)
        contacts = [f"duty{number}@northpark.example" for number in range(recipients)]
        tenant = rows.tenant("Northpark Energy", contacts, domain="northpark.example", cloud=CLOUD)
        scenario.mailboxes = _mailboxes(rows, tenant, transports, one_app=one_app)
        rows.credential(rows.app(tenant), days=days)
        return scenario

    def scan(self) -> None:
        scanner.run(self.time(), ring=False)
        self.deliveries = list(Delivery.objects.order_by("recipient", "channel_label"))

    def add_webhook(self, **fields: Any) -> Channel:
        """Of the owing tenant, or with `is_last_resort` of the installation."""
        channel = Channel(name="Operations", service="webhook", label="Webhook", hint="localhost", **fields)
        channel.address = f"http://localhost:{self.provider.webhook.port}/hook"
        channel.renew_signing_key()
        channel.save()
        return channel

    @property
    def owing_tenant(self) -> Tenant:
        return Tenant.objects.get(name="Northpark Energy")

    # Time

    def run(self) -> None:
        """One run of the outbox by a process that knows nothing but the rows, and tokens that last for an hour."""
        self.provider.follow()
        connections.transport.cache_clear()
        if self.time() - self._tokens_since >= TOKEN_LIFE:
            connections.tokens().__init__()  # type: ignore[misc]
            self._tokens_since = self.time()
        with self._deadlines():
            self.outcomes.update(worker.deliver_due(clock=self.time, rate_limiter=self.rate_limiter))

    def live(self, until: timedelta = LONGEST_SCENARIO) -> None:
        """Runs whenever beat finds something due, until all is settled or the time is over."""
        end = BEGIN + until
        while self.time() < end:
            self.run()
            wake = self._next_run()
            if wake is None:
                return
            self.time.now = min(wake, end)

    def _next_run(self) -> datetime | None:
        """The next beat at which a delivery may be due; None if none is open."""
        waiting = list(claims.open_deliveries().values_list("state", "not_before", "lease_until"))
        if not waiting:
            return None
        now = self.time()
        moments = [lease if state == DeliveryState.SENDING else not_before for state, not_before, lease in waiting]
        due = min(moment or now for moment in moments)
        beat = LONG_BEAT if now - BEGIN > HOURS_OLD else BEAT
        return now + max(1, math.ceil((due - now) / beat)) * beat

    @contextmanager
    def _deadlines(self) -> Iterator[None]:
        """Requests are given up soon where no answer will come. Set on the transports that this run will use."""
        now = self.time()
        silent = {one.endpoint for one in self.provider.spans if one.is_now(now) and one.answer.ending == "silence"}
        for name in TransportName.values:
            transport: Any = connections.transport(name)
            transport.timeout = SHORT_DEADLINE if {name, "token"} & silent else LONG_DEADLINE
        if (relay := connections.relay()) is not None:
            object.__setattr__(relay, "timeout", SHORT_DEADLINE if "relay" in silent else LONG_DEADLINE)
        of_webhook = SHORT_DEADLINE if "webhook" in silent else LONG_DEADLINE
        defaults: Any = webhook.post.__kwdefaults__
        with patch.dict(defaults, timeout=of_webhook):
            yield

    # What became of it

    def verdict(self) -> Verdict:
        """By the provider's ledger alone, but for what the rows claim."""
        verdict = Verdict(owed=len(self.deliveries))
        for delivery in self.deliveries:
            accepted = self.provider.ledger.of(delivery.pk)
            state = Delivery.objects.values_list("state", flat=True).filter(pk=delivery.pk).first()
            if not accepted:
                continue
            verdict.arrived += 1
            verdict.late_by = max(verdict.late_by, accepted[0].at - BEGIN)
            verdict.copies += len(accepted) - 1
            verdict.needless += max(0, len(accepted) - 1 - sum(one.was_hidden for one in accepted))
            mails = {(one.message_id, one.date) for one in accepted if one.endpoint != "webhook"}
            verdict.unlike += len(mails) > 1
            verdict.unsettled += state != DeliveryState.SENT
        return verdict


def _mailboxes(rows: Rows, tenant: Tenant, transports: tuple[str, ...], *, one_app: bool) -> list[Mailbox]:
    """All of the owing tenant, whose mail no other's may carry. The first is the one chosen for the installation."""
    found: list[Mailbox] = []
    app: AppRegistration | None = None
    for number, transport in enumerate(transports):
        if app is None or not one_app:
            app = rows.app(tenant, name=f"Sender {number}")
            credential: Credential = rows.credential(app, days=3650, value="8Q~scripted-secret-of-no-worth-at-all")
            assert credential.value is not None
        found.append(
            Mailbox.objects.create(
                tenant=app.tenant,
                app=app,
                address=f"alarms{number}@sender{number}.example",
                transport=transport,
                sends_reminders=number == 0,
            )
        )
    return found
