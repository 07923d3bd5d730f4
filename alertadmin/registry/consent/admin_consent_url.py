"""The URL of Microsoft's admin consent page, where a tenant's administrator grants an app its permissions.

Source: Microsoft identity platform, "Admin consent" (the v2.0 endpoint): one resource in each request, application
permissions only as `/.default`, the tenant's id instead of `common`.
"""

from __future__ import annotations

from urllib.parse import urlencode

from alertadmin.registry.credentials.app_identity import scope_of
from alertadmin.registry.models import Consent
from alertadmin.registry.permissions import RESOURCE_OF, Permission


def consent_link(consent: Consent, *, state: str = "") -> str:
    """The URL for the resource of one consent. Raises UnknownCloud.

    Without a `state` the URL may be given to any person: a callback without one is not trusted.
    """
    cloud = consent.tenant.mail_cloud
    query = {
        "client_id": consent.app.client_id,
        "scope": scope_of(RESOURCE_OF[Permission(consent.permission)], cloud),
        "redirect_uri": consent.app.redirect_uri,
    }
    if state:
        query["state"] = state
    return f"{cloud.authority}/{consent.tenant.directory_id}/v2.0/adminconsent?{urlencode(query)}"
