"""Who is told of what ends in a tenant."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from alertadmin.accounts.models import User
from alertadmin.registry.models import Contact, Tenant


def of(tenant: Tenant) -> list[str]:
    """Its contacts, or this installation's administrators where it has none. E-mail addresses in lower case."""
    contacts = tenant.contacts.annotate(address=Lower("email")).order_by("address")
    return list(contacts.values_list("address", flat=True).distinct()) or administrators()


def tenants_of(recipient: str) -> QuerySet[Tenant]:
    """Those of which an address (in lower case) is told."""
    has_contacts = Exists(Contact.objects.filter(tenant=OuterRef("pk")))
    is_contact = Exists(Contact.objects.filter(tenant=OuterRef("pk"), email__iexact=recipient))
    return Tenant.objects.filter(is_contact | ~has_contacts if recipient in administrators() else is_contact)


def administrators() -> list[str]:
    """The staff's addresses, in lower case."""
    return sorted(set(staff().annotate(address=Lower("email")).values_list("address", flat=True)))


def staff() -> QuerySet[User]:
    """Those who may do everything here and are not switched off."""
    return User.objects.filter(is_active=True, is_staff=True)
