"""Rows of a provider with many customers: ten apps a tenant, with one secret in use each."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import transaction

from alertadmin.registry.models import AppRegistration, Contact, Credential, Tenant
from alertadmin.reminders.models import Policy
from alertadmin.reminders.rules.schedule import ReminderSchedule

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
APPS = 10
"""A tenant."""
DUE = 0.04
"""Shares of all secrets: expired within the last year, or expiring within 90 days."""
PRODUCTS = ("ALERT", "Backup", "CRM", "ERP", "Helpdesk", "Intranet", "Monitoring", "Payroll", "Scanner", "Telephony")
TOWNS = ("Northpark", "Southport", "Eastleigh", "Westbrook", "Lakeside", "Hillcrest", "Riverton", "Oakham")
TRADES = ("Energy", "Water", "Rail", "Foods", "Steel", "Logistics", "Hospital", "Airport", "Paper", "Chemicals")


@transaction.atomic
def fill(secrets: int) -> None:
    """Insert the same rows each time: the random generator is seeded with their number."""
    chance = random.Random(secrets)
    tenants = [_tenant(number, chance) for number in range(max(secrets // APPS, 1))]
    Tenant.objects.bulk_create(tenants, batch_size=1000)
    contacts = (Contact(tenant=tenant, email=f"duty@{tenant.domain}") for tenant in tenants)
    Contact.objects.bulk_create(contacts, batch_size=1000)
    apps = [_app(tenants[number // APPS % len(tenants)], number, chance) for number in range(secrets)]
    AppRegistration.objects.bulk_create(apps, batch_size=1000)
    Credential.objects.bulk_create(_credentials(apps, chance), batch_size=1000)


@transaction.atomic
def give_plans(different: int) -> None:
    """Replace all policies: one for each tenant and each tenth app, with so many different schedules, which have the
    same first day."""
    Policy.objects.all().delete()
    of = [str(ReminderSchedule((90, 31 + number % 30, 1 + number // 30, 0))) for number in range(different)]
    tenants, apps = Tenant.objects.order_by("pk"), AppRegistration.objects.order_by("pk")[::APPS]
    rows = [Policy(tenant=tenant, plan=of[number % different]) for number, tenant in enumerate(tenants)]
    rows += [Policy(app=app, plan=of[(number + 1) % different]) for number, app in enumerate(apps)]
    Policy.objects.bulk_create(rows, batch_size=1000)


def _tenant(number: int, chance: random.Random) -> Tenant:
    name = f"{chance.choice(TOWNS)} {chance.choice(TRADES)} {number:05d}"
    domain = f"{name.lower().replace(' ', '-')}.example"
    return Tenant(id=_uuid(chance), name=name, directory_id=str(_uuid(chance)), domain=domain)


def _app(tenant: Tenant, number: int, chance: random.Random) -> AppRegistration:
    return AppRegistration(
        id=_uuid(chance), tenant=tenant, name=PRODUCTS[number % APPS], client_id=str(_uuid(chance)), created_at=NOW
    )


def _credentials(apps: list[AppRegistration], chance: random.Random) -> Iterator[Credential]:
    due = set(chance.sample(range(len(apps)), round(len(apps) * DUE)))
    for number, app in enumerate(apps):
        days = chance.uniform(-365, 90) if number in due else chance.uniform(91, 730)
        ends = NOW + timedelta(days=days)
        secret = Credential(id=_uuid(chance), app=app, description=f"{app.name} {ends.year - 2}", expires_at=ends)
        secret.store(f"{chance.getrandbits(200):050x}")
        yield secret


def _uuid(chance: random.Random) -> uuid.UUID:
    return uuid.UUID(int=chance.getrandbits(128), version=4)
