"""The address at Microsoft where a tenant's administrator grants an app what it wants of one resource.

Source: Microsoft identity platform, "Admin consent" (the v2.0 endpoint): one resource a call, application permissions
by `/.default` alone, the tenant's id and not `common`.
"""

from __future__ import annotations

from urllib.parse import urlencode

from alertadmin.registry.credentials.app_identity import scope_of
from alertadmin.registry.models import Consent
from alertadmin.registry.permissions import RESOURCE_OF, Permission


def consent_link(consent: Consent, *, state: str = "") -> str:
    """Raises UnknownCloud. Without a `state` it may be given to anybody: whoever comes back by it proves nothing."""
    cloud = consent.tenant.mail_cloud
    asked = {
        "client_id": consent.app.client_id,
        "scope": scope_of(RESOURCE_OF[Permission(consent.permission)], cloud),
        "redirect_uri": consent.app.redirect_uri,
    }
    if state:
        asked["state"] = state
    return f"{cloud.authority}/{consent.tenant.directory_id}/v2.0/adminconsent?{urlencode(asked)}"
