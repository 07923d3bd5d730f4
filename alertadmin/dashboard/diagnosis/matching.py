"""Find registrations that a pasted error mentions, and IDs that are not registered.

One query per kind of row, independent of the length of the text; no request leaves the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.ui.entra_links import portal_links
from alertadmin.registry.credentials import certificates
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant
from mailer.diagnosis import ExtractedIds
from mailer.diagnosis.identifiers import Identifiers
from mailer.diagnosis.portal_links import Link
from mailer.diagnosis.texts.catalog import ENTRIES
from mailer.email_address import canonical

MOST = 10
"""Registrations shown; a log can mention hundreds."""
_MOST_ROWS = 100
"""Rows read per kind."""
_MICROSOFT_S_OWN = frozenset({"9188040d-6c67-4c5b-b112-36a304b66dad", "f8cdef31-a31e-4b4a-93e4-5f571e91255a"})
"""Directories that are never registered: personal accounts and Microsoft's own services."""


@dataclass
class MatchedRegistration:
    """An app in a tenant, or a tenant, with the other rows that the text mentions."""

    tenant: Tenant
    app: AppRegistration | None = None
    credentials: list[Credential] = field(default_factory=list)
    mailboxes: list[Mailbox] = field(default_factory=list)
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class UnknownId:
    """An app ID, a directory ID or both, mentioned but not registered."""

    client_id: str
    directory_id: str
    register_url: str
    """Registration form with the known values filled in."""


@dataclass(frozen=True)
class MatchResult:
    registrations: list[MatchedRegistration]
    more: int
    """Number of registrations not shown."""
    unknown: list[UnknownId]

    def meant(self, found: ExtractedIds) -> MatchedRegistration | None:
        """The registration of the error: the only one, or the one whose app and directory the text labels as such."""
        if len(self.registrations) == 1:
            return self.registrations[0]
        named = [one for one in self.registrations if one.app and one.app.client_id == found.client_id]
        here = [one for one in named if one.tenant.directory_id == found.directory_id]
        return next((few[0] for few in (here, named) if len(few) == 1), None)


def match_registrations(said: Identifiers, slug: str, access: Access) -> MatchResult:
    """Match the text against all visible registrations. `slug` is the cause, for the links. Rows that the user may not
    see are treated as unknown."""
    tenants = list(
        access.visible(Tenant).filter(Q(directory_id__in=said.ids) | Q(domain__in=said.domains))[:_MOST_ROWS]
    )
    apps = list(access.visible(AppRegistration).filter(client_id__in=said.ids).select_related("tenant")[:_MOST_ROWS])
    credentials = access.visible(Credential).filter(
        Q(key_id__in=said.ids) | Q(pk__in=_of_thumbprints(said.thumbprints, access))
    )
    credentials = credentials.select_related("app__tenant").defer("value")
    mailboxes = access.visible(Mailbox).filter(address_canonical__in={canonical(address) for address in said.addresses})
    mailboxes = mailboxes.select_related("tenant", "app__tenant").defer("password")
    registrations: dict[tuple[object, object], MatchedRegistration] = {}

    def of(tenant: Tenant, app: AppRegistration | None) -> MatchedRegistration:
        return registrations.setdefault((tenant.pk, app and app.pk), MatchedRegistration(tenant, app))

    for app in apps:
        of(app.tenant, app)
    for credential in credentials[:_MOST_ROWS]:
        of(credential.app.tenant, credential.app).credentials.append(credential)
    for mailbox in mailboxes[:_MOST_ROWS]:
        # List an app of an invisible tenant under the mailbox's tenant, without its home tenant.
        is_theirs = mailbox.app is not None and access.may(Right.LOOK, mailbox.app)
        home = mailbox.app.tenant if mailbox.app and is_theirs else mailbox.tenant
        of(home, mailbox.app).mailboxes.append(mailbox)
    shown = {one.tenant.pk for one in registrations.values()}
    for tenant in tenants:
        if tenant.pk not in shown:
            of(tenant, None)
    known = list(registrations.values())
    for one in known[:MOST]:
        one.links = portal_links(ENTRIES[slug].pages, one.tenant, one.app)
    return MatchResult(known[:MOST], max(0, len(known) - MOST), _unknown(said, apps, tenants))


def _of_thumbprints(thumbprints: tuple[str, ...], access: Access) -> list[UUID]:
    """Certificates with one of these thumbprints. Reads all certificates, so only if the text may contain a
    thumbprint."""
    if not thumbprints:
        return []
    stored = access.visible(Credential).exclude(certificate="").values_list("pk", "certificate")
    wanted = {one.upper() for one in thumbprints}
    return [pk for pk, certificate in stored.iterator() if not wanted.isdisjoint(certificates.thumbprints(certificate))]


def _unknown(said: Identifiers, apps: list[AppRegistration], tenants: list[Tenant]) -> list[UnknownId]:
    """Pair one unknown app ID with one unknown directory ID: an error names both together."""
    registered = {app.client_id for app in apps}
    homes = {tenant.directory_id: tenant for tenant in tenants}
    clients = [one for one in said.clients if one not in registered]
    directories = [one for one in said.directories if one not in homes and one not in _MICROSOFT_S_OWN]
    home = homes.get(said.directories[0]) if len(said.directories) == 1 else None
    if len(clients) == len(directories) == 1:
        pairs = [(clients[0], directories[0])]
    else:
        pairs = [*((client, "") for client in clients), *(("", directory) for directory in directories)]
    return [UnknownId(client, directory, _register_url(client, directory, home)) for client, directory in pairs]


def _register_url(client_id: str, directory_id: str, home: Tenant | None) -> str:
    asked = {"tenant": str(home.pk) if home else "", "client_id": client_id, "directory_id": directory_id}
    return f"{reverse('register')}?{urlencode({name: value for name, value in asked.items() if value})}"
