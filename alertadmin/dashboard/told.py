"""Who is told of what ends, as the viewer may know it."""

from __future__ import annotations

from alertadmin.accounts.access import Access
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders import audience, channels
from alertadmin.reminders.audience import Audience
from alertadmin.reminders.channels import Channels


def people_told(access: Access, tenant: Tenant, app: AppRegistration | None = None) -> Audience:
    """Who they are of the installation's is for whoever holds a role in all of it."""
    told = audience.of(tenant, app)
    return told if access.everywhere() else audience.shown_to_tenant(told)


def channels_told(access: Access, tenant: Tenant, app: AppRegistration | None = None) -> Channels:
    """The same of channels."""
    told = channels.of(tenant, app)
    return told if access.everywhere() else channels.shown_to_tenant(told)
