"""The URL of Microsoft's admin consent page, where a tenant's administrator grants an app its permissions.

Source: Microsoft identity platform, "Admin consent" (the v2.0 endpoint): one resource in each request, application
permissions only as `/.default`, the tenant's id instead of `common`.
"""

from __future__ import annotations

from urllib.parse import urlencode

from alertadmin.registry import messages
from alertadmin.registry.clouds import UnknownName
from alertadmin.registry.credentials.app_identity import scope_of
from alertadmin.registry.models import Consent


class UnknownPermission(UnknownName):
    """A row of a permission that this version does not know: it cannot say which resource to ask for."""

    def __init__(self, permission: str) -> None:
        super().__init__(messages.UNKNOWN_PERMISSION % {"permission": permission})


def consent_link(consent: Consent, *, state: str = "") -> str:
    """The URL for the resource of one consent. Raises UnknownCloud, UnknownPermission.

    Without a `state` the URL may be given to any person: a callback without one is not trusted.
    """
    cloud, resource = consent.tenant.mail_cloud, consent.resource
    if resource is None:
        raise UnknownPermission(consent.permission)
    query = {
        "client_id": consent.app.client_id,
        "scope": scope_of(resource, cloud),
        "redirect_uri": consent.app.redirect_uri,
    }
    if state:
        query["state"] = state
    return f"{cloud.authority}/{consent.tenant.directory_id}/v2.0/adminconsent?{urlencode(query)}"
