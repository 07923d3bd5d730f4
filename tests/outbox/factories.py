"""Deliveries to begin a test with, made as the product makes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Contact
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Site


def reminder(now: datetime) -> Delivery:
    """The one that a scan writes down."""
    scanner.run(now)
    return Delivery.objects.get(purpose=Purpose.REMINDER)


def reminders(site: Site, count: int, now: datetime) -> list[Delivery]:
    """One for each of so many contacts of the site's tenant."""
    site.tenant.contacts.all().delete()
    Contact.objects.bulk_create(
        [Contact(tenant=site.tenant, email=f"duty{number}@northpark.example") for number in range(count)]
    )
    scanner.run(now)
    return list(Delivery.objects.filter(purpose=Purpose.REMINDER))


def arrived(sandbox: Sandbox, delivery: Delivery) -> list[dict[str, Any]]:
    """What the sandbox's ledger holds of it, oldest first."""
    return [entry for entry in sandbox.ledger.messages() if delivery.pk.hex in entry["message_id"].replace("-", "")]


def bare(count: int, now: datetime, **fields: Any) -> list[Delivery]:
    """Deliveries without a reminder, for tests that do not send; the first is the most urgent."""
    return [
        Delivery.objects.create(
            **{
                "purpose": Purpose.REMINDER,
                "dedupe_key": f"bare:{number}",
                "recipient": f"duty{number}@northpark.example",
                "created_at": now,
                "not_before": now,
                "urgency": now.replace(microsecond=number),
                **fields,
            }
        )
        for number in range(count)
    ]
