"""The owner of a reminder mail or calendar correction: a tenant, or the installation.

A mail belongs to a tenant if it is about that tenant alone and addressed to one of its recipients (with a single tenant
every recipient is). A mail about several tenants, or to the installation's users, belongs to the installation: sent by
a tenant's mailbox, it would leave other tenants' data or the users' addresses in its Sent Items.
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
    """The owner, from the entries that the mail withdraws or moves, and those that it carries."""
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
