"""Thousands of secrets expire on one day, all for one recipient, or each for another."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.dispatcher import BATCH
from alertadmin.registry.models import AppRegistration, Contact, Credential, Tenant
from alertadmin.reminders.compose import digest
from alertadmin.reminders.compose.digest import MAX_LINES
from alertadmin.reminders.scan import scanner
from benchmarks.baselines import scan_sql
from benchmarks.installation import Stand
from benchmarks.report import Aim, ReportRow
from benchmarks.scans import forget
from benchmarks.seed import NOW
from benchmarks.sizes import Effort
from benchmarks.timing import Side, interleaved


def one_recipient(stand: Stand, effort: Effort) -> list[ReportRow]:
    stand.fresh("one_recipient")
    _fill(effort.owed, tenants=1)

    def told() -> None:
        scanner.run(NOW)
        content = digest.compose(Delivery.objects.get(), NOW)
        # The digest has a limited number of lines, and the number of the rest.
        if not isinstance(content, Content) or str(effort.owed - MAX_LINES) not in content.text:
            raise AssertionError("the mail does not count what it leaves out")

    ours = Side(told, before=forget)
    bare = Side(lambda: scan_sql.written_down(NOW), before=forget)
    times = interleaved(ours, bare, effort.few_repeats)
    name = f"{effort.owed:,} secrets end on one day: found, written down, one mail worded"
    return [ReportRow(name, "the same rows by SQL, no mail", times, Aim(seconds_at_most=2))]


def many_recipients(stand: Stand, effort: Effort) -> list[ReportRow]:
    """Claims take the same time for any number of waiting deliveries. Exchange limits the sends a minute
    (rate_limit)."""
    stand.fresh("many_recipients")
    _fill(effort.owed, tenants=effort.owed)
    written = interleaved(
        Side(lambda: _expect(scanner.run(NOW).deliveries, effort.owed), before=forget),
        Side(lambda: scan_sql.written_down(NOW), before=forget),
        effort.few_repeats,
    )
    stand.fresh("few_recipients")
    _fill(BATCH, tenants=BATCH)
    scanner.run(NOW)

    def claim_of(database: str) -> Side:
        def before() -> None:
            stand.use(database)
            Delivery.objects.exclude(state="pending").update(state="pending", owner=None, lease_until=None)

        return Side(lambda: _expect(len(claims.claim(NOW, limit=BATCH)), BATCH), before=before)

    claimed = interleaved(claim_of("many_recipients"), claim_of("few_recipients"), effort.repeats)
    return [
        ReportRow(
            f"{effort.owed:,} recipients, one mail each: found and written down",
            "the same rows by SQL",
            written,
            Aim(ratio_at_most=3),
        ),
        ReportRow(
            f"the {BATCH} most urgent of {effort.owed:,} mails claimed",
            f"{BATCH} of {BATCH}",
            claimed,
            Aim(ratio_at_most=1.5),
        ),
    ]


@transaction.atomic
def _fill(secrets: int, *, tenants: int) -> None:
    """Create one secret an app; all expire within one day, with different urgency."""
    homes = [Tenant(name=f"Customer {number:05d}", directory_id=str(UUID(int=number + 1))) for number in range(tenants)]
    Tenant.objects.bulk_create(homes, batch_size=1000)
    contacts = (Contact(tenant=tenant, email=f"duty@{tenant.name[-5:]}.example") for tenant in homes)
    Contact.objects.bulk_create(contacts, batch_size=1000)
    apps = [
        AppRegistration(tenant=homes[number % tenants], name=f"ALERT {number:05d}", client_id=str(UUID(int=number + 1)))
        for number in range(secrets)
    ]
    AppRegistration.objects.bulk_create(apps, batch_size=1000)
    ends = NOW + timedelta(days=6)
    Credential.objects.bulk_create(
        (
            Credential(app=app, description="ALERT 2024", expires_at=ends + timedelta(seconds=number % 3600))
            for number, app in enumerate(apps)
        ),
        batch_size=1000,
    )


def _expect(found: int, expected: int) -> None:
    if found != expected:
        raise AssertionError(f"{found}, {expected} expected")
