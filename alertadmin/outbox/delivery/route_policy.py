"""Which route may carry which mail: the table, and where a mailbox or channel stands in it.

A mail can be read in the mailbox that sent it, by the people of the tenant whose mailbox it is, and by the server that
sent it. So a link that grants access leaves only by what an owner chose for the installation, and leaves no copy; what
tells of a tenant leaves by the installation's routes or that tenant's own mailboxes; what tells of several tenants, or
is for the installation's own people, by the installation's routes. Where no route may carry a mail, it waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from alertadmin.outbox import messages
from alertadmin.outbox.models import Channel, Purpose
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import TransportName


class RouteKind(StrEnum):
    """A route as the table knows it, for one mail."""

    INSTALLATION = "installation"
    """The installation's mailbox (registry.installation_mailbox), by a transport that keeps no copy where none is
    asked for."""
    INSTALLATION_WITH_COPY = "installation, a copy stays"
    """The same by SMTP: Exchange Online and Outlook.com keep a copy in Sent Items, and the sender cannot ask for none.
    Source: Set-Mailbox, MessageCopyForSMTPClientSubmissionEnabled."""
    OWN_TENANT = "own tenant"
    """A mailbox of the one tenant whose mail it is."""
    OTHER_TENANT = "other tenant"
    RELAY = "relay"
    """The operator's mail server."""
    INSTALLATION_CHANNEL = "installation's channel"
    """Of last resort, for a mail that no mailbox and no relay took."""
    TENANT_CHANNEL = "tenant's channel"
    """As a last resort for a mail."""
    ADDRESSED = "addressed"
    """The mailbox or channel under test; the channel that a notification is addressed to."""


class RouteRefusal(StrEnum):
    """Why a route may not carry a mail."""

    GRANTS_ACCESS = "grants access"
    """Those who read there could use the link."""
    COPY_STAYS = "copy stays"
    """The link would stay in Sent Items."""
    NOT_THEIRS = "not theirs"
    """It tells of others than those who read there."""
    OF_THE_INSTALLATION = "of the installation"
    """It concerns the installation and its people, not a tenant."""
    WRITTEN_TO_ONE = "written to one person"
    """It is of use to its recipient alone, and can wait."""
    TESTS_ONE_ROUTE = "tests one route"
    """A test by another route would prove nothing."""
    NOT_ADDRESSED = "not addressed"
    """It is never addressed to a mailbox or channel."""


Row = Mapping[RouteKind, RouteRefusal | None]
"""None: it may."""

_GRANTS_ACCESS: Row = {
    RouteKind.INSTALLATION: None,
    RouteKind.INSTALLATION_WITH_COPY: RouteRefusal.COPY_STAYS,
    RouteKind.OWN_TENANT: RouteRefusal.GRANTS_ACCESS,
    RouteKind.OTHER_TENANT: RouteRefusal.GRANTS_ACCESS,
    RouteKind.RELAY: None,
    RouteKind.INSTALLATION_CHANNEL: RouteRefusal.GRANTS_ACCESS,
    RouteKind.TENANT_CHANNEL: RouteRefusal.GRANTS_ACCESS,
    RouteKind.ADDRESSED: RouteRefusal.NOT_ADDRESSED,
}
_OF_THE_INSTALLATION: Row = {
    RouteKind.INSTALLATION: None,
    RouteKind.INSTALLATION_WITH_COPY: None,
    RouteKind.OWN_TENANT: RouteRefusal.OF_THE_INSTALLATION,
    RouteKind.OTHER_TENANT: RouteRefusal.OF_THE_INSTALLATION,
    RouteKind.RELAY: None,
    RouteKind.INSTALLATION_CHANNEL: None,
    RouteKind.TENANT_CHANNEL: RouteRefusal.OF_THE_INSTALLATION,
    RouteKind.ADDRESSED: RouteRefusal.NOT_ADDRESSED,
}
_OF_A_TENANT: Row = {
    RouteKind.INSTALLATION: None,
    RouteKind.INSTALLATION_WITH_COPY: None,
    RouteKind.OWN_TENANT: None,
    RouteKind.OTHER_TENANT: RouteRefusal.NOT_THEIRS,
    RouteKind.RELAY: None,
    RouteKind.INSTALLATION_CHANNEL: None,
    RouteKind.TENANT_CHANNEL: RouteRefusal.NOT_THEIRS,
    RouteKind.ADDRESSED: RouteRefusal.NOT_ADDRESSED,
}
TABLE: Mapping[Purpose, Row] = {
    Purpose.INVITATION: _GRANTS_ACCESS,
    Purpose.PASSWORD: _GRANTS_ACCESS,
    Purpose.PROOF: _GRANTS_ACCESS,
    Purpose.HOUSE: _OF_THE_INSTALLATION,
    Purpose.HANDOVER: _OF_THE_INSTALLATION,
    Purpose.ACCOUNT: {**_OF_THE_INSTALLATION, RouteKind.INSTALLATION_CHANNEL: RouteRefusal.WRITTEN_TO_ONE},
    Purpose.REMINDER: {**_OF_A_TENANT, RouteKind.ADDRESSED: None},
    Purpose.CALENDAR: _OF_A_TENANT,
    Purpose.CONSENT: {**_OF_A_TENANT, RouteKind.INSTALLATION_CHANNEL: RouteRefusal.WRITTEN_TO_ONE},
    Purpose.TEST: {**dict.fromkeys(RouteKind, RouteRefusal.TESTS_ONE_ROUTE), RouteKind.ADDRESSED: None},
}
"""A purpose that is added without a row carries nothing: `may_carry` raises KeyError, and a test fails."""

GRANT_ACCESS = frozenset(purpose for purpose, row in TABLE.items() if row is _GRANTS_ACCESS)
"""Of their mails no copy stays in the mailbox that sends them: no draft, nothing in Sent Items."""
OF_OWNERS = frozenset(
    purpose
    for purpose, row in TABLE.items()
    if row[RouteKind.OWN_TENANT] in (RouteRefusal.GRANTS_ACCESS, RouteRefusal.OF_THE_INSTALLATION)
)
"""Mails that lead people in, or tell them of acts on ways in, secrets and the installation: owners alone may say that
one of them need not leave."""
MAY_GO_BY_OWN_TENANT = frozenset(purpose for purpose, row in TABLE.items() if row[RouteKind.OWN_TENANT] is None)


def refusal(purpose: str, kind: RouteKind) -> RouteRefusal | None:
    return TABLE[Purpose(purpose)][kind]


def may_carry(purpose: str, kind: RouteKind) -> bool:
    return refusal(purpose, kind) is None


def kind_of_mailbox(mailbox: Mailbox, installation: UUID | None, owner: UUID | None) -> RouteKind:
    """`installation` is the id of the installation's mailbox; `owner` of the tenant whose mail it is (content.owner),
    None of a mail of the installation's own."""
    if mailbox.pk == installation:
        keeps_copy = mailbox.transport == TransportName.SMTP
        return RouteKind.INSTALLATION_WITH_COPY if keeps_copy else RouteKind.INSTALLATION
    return RouteKind.OWN_TENANT if owner is not None and mailbox.tenant_id == owner else RouteKind.OTHER_TENANT


def kind_of_channel(channel: Channel) -> RouteKind:
    """As a last resort."""
    is_tenants = channel.tenant_id is not None or channel.app_id is not None
    return RouteKind.TENANT_CHANNEL if is_tenants else RouteKind.INSTALLATION_CHANNEL


def why_none_may_carry(purpose: str, *, has_mailbox: bool) -> str:
    """One stored sentence (see retelling) for a mail that no route may carry. `has_mailbox` says whether the
    installation has one."""
    if not Mailbox.objects.exists():
        return messages.NO_WAY
    if purpose in MAY_GO_BY_OWN_TENANT:
        return messages.NO_ROUTE_OF_TENANT
    return messages.ROUTE_KEEPS_COPY if has_mailbox and purpose in GRANT_ACCESS else messages.NO_ROUTE_OF_INSTALLATION
