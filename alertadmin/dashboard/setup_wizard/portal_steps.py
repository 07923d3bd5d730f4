"""Portal navigation of each step: the path, the page and the button, for the sketch."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models import SetupProgress

Text = str | Promise

ENTRA = _("Entra admin center")
APPS = _("App registrations")
YOUR_APP = _("your app")
OVERVIEW, AUTHENTICATION, SECRETS, PERMISSIONS = (
    _("Overview"),
    _("Authentication"),
    _("Certificates & secrets"),
    _("API permissions"),
)
MENU = (OVERVIEW, AUTHENTICATION, SECRETS, PERMISSIONS)
"""The application's menu, shortened."""
DIRECTORY_MENU = (_("Overview"), _("Users"), _("Applications"))
EXCHANGE_MENU = (_("Users"), _("Mailboxes"), _("Mail flow"))


@dataclass(frozen=True)
class PortalPath:
    """`pages` are names of mailer.diagnosis.portal_links.PAGES. The sketch shows a menu, a selected entry and a
    button."""

    menu_path: tuple[Text, ...]
    pages: tuple[str, ...]
    menu: tuple[Text, ...]
    chosen: Text
    button: Text
    field: Text = ""
    """Value to look for, below the button."""

    @property
    def entries(self) -> list[tuple[int, Text, bool]]:
        """Menu entries with their y position in the sketch."""
        return [(64 + 34 * number, entry, entry == self.chosen) for number, entry in enumerate(self.menu)]


PATHS = {
    "directory": PortalPath(
        (ENTRA, OVERVIEW), ("tenant",), DIRECTORY_MENU, OVERVIEW, _("Tenant ID"), _("Primary domain")
    ),
    "application": PortalPath(
        (ENTRA, APPS), ("registrations",), DIRECTORY_MENU, DIRECTORY_MENU[2], _("New registration"), _("Name · Type")
    ),
    "permissions": PortalPath(
        (ENTRA, APPS, YOUR_APP, PERMISSIONS), ("permissions",), MENU, PERMISSIONS, _("Add a permission"), "Mail.Send"
    ),
    "consent": PortalPath(
        (ENTRA, APPS, YOUR_APP, PERMISSIONS),
        ("permissions",),
        MENU,
        PERMISSIONS,
        _("Grant admin consent"),
        _("Granted for …"),
    ),
    "credential": PortalPath(
        (ENTRA, APPS, YOUR_APP, SECRETS), ("credentials",), MENU, SECRETS, _("New client secret"), _("Value · Expires")
    ),
    "mailbox": PortalPath(
        (_("Exchange admin center"), _("Mailboxes")),
        ("mailboxes",),
        EXCHANGE_MENU,
        EXCHANGE_MENU[1],
        _("Add a shared mailbox"),
        "alarms@…",
    ),
}
REGISTERED = PortalPath(
    (ENTRA, APPS, YOUR_APP, OVERVIEW), ("overview",), MENU, OVERVIEW, OVERVIEW, _("Application (client) ID")
)
UPLOADED = PortalPath(
    (ENTRA, APPS, YOUR_APP, SECRETS),
    ("credentials",),
    MENU,
    SECRETS,
    _("Upload certificate"),
    _("Thumbprint · Expires"),
)


def path_of(name: str, guide: SetupProgress) -> PortalPath | None:
    """Return the path of a step; None for steps outside the portal."""
    if name == "application" and guide.app:
        return REGISTERED
    return PATHS.get(name)
