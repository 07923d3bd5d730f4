"""Links to pages that help to fix a cause, in the portal of the tenant's cloud, for the client id if it is known.

Sources: the Entra admin center's own addresses (`…/ApplicationMenuBlade/~/Credentials/appId/{client id}`), as also
printed by Microsoft's documents and tools; "Construct the URL for granting tenant-wide admin consent"
(learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent); learn.microsoft.com serves every cloud.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from mailer.clouds import Cloud
from mailer.diagnosis.texts.entry import gettext_noop

_LEARN = "https://learn.microsoft.com"
_APP = "/#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/{blade}/appId/{client_id}"
_REGISTRATIONS = "/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade"


@dataclass(frozen=True)
class Link:
    title: str
    url: str


@dataclass(frozen=True)
class PortalContext:
    """The values that a link depends on: the cloud, and the ids if they are known."""

    cloud: Cloud
    directory_id: str | None = None
    client_id: str | None = None
    entra_number: int | None = None


_Url = Callable[[PortalContext], str | None]


def _application(blade: str) -> _Url:
    def url(context: PortalContext) -> str:
        if context.client_id is None:
            return context.cloud.portal + _REGISTRATIONS
        return context.cloud.portal + _APP.format(blade=blade, client_id=quote(context.client_id, safe=""))

    return url


def _entra(fragment: str) -> _Url:
    return lambda context: f"{context.cloud.portal}/#view/{fragment}"


def _exchange(fragment: str) -> _Url:
    return lambda context: f"{context.cloud.exchange_portal}/#/{fragment}"


def _learn(path: str) -> _Url:
    return lambda context: f"{_LEARN}/{path}"


def _consent(context: PortalContext) -> str | None:
    if context.client_id is None or context.directory_id is None:
        return None
    tenant, client = quote(context.directory_id, safe=""), quote(context.client_id, safe="")
    return f"{context.cloud.authority}/{tenant}/adminconsent?client_id={client}"


def _error(context: PortalContext) -> str:
    number = "" if context.entra_number is None else f"?code={context.entra_number}"
    return f"{context.cloud.authority}/error{number}"


PAGES: Final[dict[str, tuple[str, _Url]]] = {
    "credentials": (gettext_noop("Entra admin center: Certificates & secrets"), _application("Credentials")),
    "permissions": (gettext_noop("Entra admin center: API permissions"), _application("CallAnAPI")),
    "authentication": (gettext_noop("Entra admin center: Authentication"), _application("Authentication")),
    "overview": (gettext_noop("Entra admin center: the application's overview"), _application("Overview")),
    "registrations": (
        gettext_noop("Entra admin center: App registrations"),
        lambda context: context.cloud.portal + _REGISTRATIONS,
    ),
    "enterprise": (
        gettext_noop("Entra admin center: Enterprise applications"),
        _entra("Microsoft_AAD_IAM/StartboardApplicationsMenuBlade/~/AppAppsPreview"),
    ),
    "tenant": (
        gettext_noop("Entra admin center: the tenant's overview"),
        _entra("Microsoft_AAD_IAM/TenantOverview.ReactView"),
    ),
    "sign_ins": (gettext_noop("Entra admin center: Sign-in logs"), _entra("Microsoft_AAD_IAM/SignInEventsV3Blade")),
    "conditional_access": (
        gettext_noop("Entra admin center: Conditional Access policies"),
        _entra("Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies"),
    ),
    "users": (
        gettext_noop("Entra admin center: Users"),
        _entra("Microsoft_AAD_UsersAndTenants/UserManagementMenuBlade/~/AllUsers"),
    ),
    "consent_link": (gettext_noop("Consent link for the tenant's administrator"), _consent),
    "error": (gettext_noop("Microsoft: look up an AADSTS code"), _error),
    "exchange_home": (gettext_noop("Exchange admin center"), _exchange("homepage")),
    "mailboxes": (gettext_noop("Exchange admin center: Mailboxes"), _exchange("mailboxes")),
    "message_trace": (gettext_noop("Exchange admin center: Message trace"), _exchange("messagetrace")),
    "rbac_doc": (
        gettext_noop("Microsoft: RBAC for Applications in Exchange Online"),
        _learn("exchange/permissions-exo/application-rbac"),
    ),
    "ews_doc": (
        gettext_noop("Microsoft: End of EWS in Exchange Online"),
        _learn("exchange/clients-and-mobile-in-exchange-online/deprecation-of-ews-exchange-online"),
    ),
    "smtp_doc": (
        gettext_noop("Microsoft: Authenticated SMTP in Exchange Online"),
        _learn("exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission"),
    ),
    "smtp_oauth_doc": (
        gettext_noop("Microsoft: SMTP with OAuth"),
        _learn(
            "exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"
        ),
    ),
    "limits_doc": (
        gettext_noop("Microsoft: Exchange Online limits"),
        _learn("office365/servicedescriptions/exchange-online-service-description/exchange-online-limits"),
    ),
    "ndr_doc": (
        gettext_noop("Microsoft: Bounces and SMTP errors in Exchange Online"),
        _learn(
            ""
            "exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
        ),
    ),
    "clouds_doc": (
        gettext_noop("Microsoft: National clouds"),
        _learn("entra/identity-platform/authentication-national-cloud"),
    ),
    "endpoints_doc": (
        gettext_noop("Microsoft: Addresses and ports of Microsoft 365"),
        _learn("microsoft-365/enterprise/urls-and-ip-address-ranges"),
    ),
    "tls_doc": (gettext_noop("Microsoft: TLS 1.2 in Microsoft 365"), _learn("purview/prepare-tls-1.2-in-office-365")),
    "health_doc": (gettext_noop("Microsoft: Service health"), _learn("microsoft-365/enterprise/view-service-health")),
}
"""By name: title (for translation) and function for the URL; it returns None if a required id is unknown."""


def links(pages: tuple[str, ...], context: PortalContext, translate: Callable[[str], str]) -> tuple[Link, ...]:
    made: dict[str, Link] = {}
    for page in pages:
        title, url_of = PAGES[page]
        if (url := url_of(context)) is not None and url not in made:
            made[url] = Link(translate(title), url)
    return tuple(made.values())
