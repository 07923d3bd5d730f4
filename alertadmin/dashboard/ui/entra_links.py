"""Links into the portal of the tenant's cloud."""

from __future__ import annotations

from django.utils.translation import gettext as _

from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.models import AppRegistration, Tenant
from mailer.diagnosis.portal_links import Link, PortalContext, links


def portal_links(pages: tuple[str, ...], tenant: Tenant, app: AppRegistration | None = None) -> tuple[Link, ...]:
    """`pages` are names of mailer.diagnosis.portal_links.PAGES. Empty if the tenant's cloud is unknown."""
    try:
        cloud = tenant.mail_cloud
    except UnknownCloud:
        return ()
    return links(pages, PortalContext(cloud, tenant.directory_id, app.client_id if app else None), _)
