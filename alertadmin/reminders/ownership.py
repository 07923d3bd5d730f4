"""Whose mail a reminder or a calendar correction is: a tenant's, or the installation's.

It is a tenant's if it tells of that tenant alone and goes to one of its own people. With a single tenant everybody here
is. A mail that tells of several tenants, or that goes to the installation's people, is the installation's: by a
tenant's mailbox the others' data, or the addresses of the installation's people, would lie in its Sent Items.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from alertadmin.outbox.models import Delivery
from alertadmin.registry.installation_mailbox import has_several_tenants
from alertadmin.registry.models import Contact
from alertadmin.reminders.models import CalendarEntry, Recipient, ReminderLine
from mailer.email_address import canonical


def owner_of_reminder(delivery: Delivery) -> UUID | None:
    tenants = ReminderLine.objects.filter(delivery=delivery).order_by().values_list("reminder__tenant", flat=True)
    return _owner(tenants.distinct()[:2], delivery.recipient)


def owner_of_correction(delivery: Delivery) -> UUID | None:
    """Of entries that are withdrawn or moved by it, and of those that it carries."""
    entries = CalendarEntry.objects.filter(Q(corrected_by=delivery) | Q(delivery=delivery)).order_by()
    return _owner(entries.values_list("tenant", flat=True).distinct()[:2], delivery.recipient)


def _owner(tenants: Iterable[UUID], recipient: str) -> UUID | None:
    told_of = list(tenants)
    if len(told_of) != 1:
        return None
    [tenant] = told_of
    return tenant if not has_several_tenants() or _is_of(tenant, recipient) else None


def _is_of(tenant: UUID, recipient: str) -> bool:
    address = canonical(recipient)
    named = Recipient.objects.filter(Q(tenant=tenant) | Q(app__tenant=tenant), email_canonical=address)
    return Contact.objects.filter(tenant=tenant, email_canonical=address).exists() or named.exists()
