"""Recipients of reminders, as far as the viewer may know them."""

from __future__ import annotations

from alertadmin.accounts.access import Access
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders import channel_recipients, recipients
from alertadmin.reminders.channel_recipients import Channels
from alertadmin.reminders.recipients import RecipientList


def list_notified_people(access: Access, tenant: Tenant, app: AppRegistration | None = None) -> RecipientList:
    """Addresses of the installation's recipients are for users with a role in all tenants."""
    found = recipients.audience_of(tenant, app)
    return found if access.in_all_tenants() else recipients.redact_for_tenant(found)


def list_notified_channels(access: Access, tenant: Tenant, app: AppRegistration | None = None) -> Channels:
    """The same for channels."""
    found = channel_recipients.channels_of(tenant, app)
    return found if access.in_all_tenants() else channel_recipients.redact_for_tenant(found)
