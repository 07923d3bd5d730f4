"""Which route may carry which mail: a table by purpose and kind of route.

A sent mail can be read in the mailbox that sent it, by that mailbox's tenant, and by the server that sent it. So a link
that grants access is sent only by a route that an owner chose for the installation, without a copy; a mail about a
tenant by the installation's routes or that tenant's own mailboxes; a mail about several tenants or to the
installation's own users by the installation's routes. A mail that no route may carry waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from alertadmin.outbox import messages
from alertadmin.outbox.models import Channel, Purpose
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.stored_values import known


class RouteKind(StrEnum):
    """The kind of a route, relative to one mail."""

    INSTALLATION = "installation"
    """The installation's mailbox (registry.installation_mailbox), by a transport that keeps no copy when told so."""
    INSTALLATION_WITH_COPY = "installation, a copy stays"
    """The same by SMTP: Exchange Online and Outlook.com keep a copy in Sent Items, which the sender cannot prevent.
    Source: Set-Mailbox, MessageCopyForSMTPClientSubmissionEnabled."""
    OWN_TENANT = "own tenant"
    """A mailbox of the tenant that the mail is about."""
    OTHER_TENANT = "other tenant"
    RELAY = "relay"
    """The operator's mail server."""
    INSTALLATION_CHANNEL = "installation's channel"
    """As the last resort, for a mail that no mailbox and no relay accepted."""
    TENANT_CHANNEL = "tenant's channel"
    """As a last resort for a mail."""
    ADDRESSED = "addressed"
    """The mailbox or channel under test, or the channel to which a notification is addressed."""


class RouteRefusal(StrEnum):
    """Why a route may not carry a mail."""

    GRANTS_ACCESS = "grants access"
    """Readers of the route's mailbox or channel could use the link."""
    COPY_STAYS = "copy stays"
    """A copy of the link would stay in Sent Items."""
    NOT_THEIRS = "not theirs"
    """It is about other tenants than those who read the route's mailbox or channel."""
    OF_THE_INSTALLATION = "of the installation"
    """It is about the installation and its users, not about a tenant."""
    WRITTEN_TO_ONE = "written to one person"
    """It is useful to its recipient only, and can wait."""
    TESTS_ONE_ROUTE = "tests one route"
    """A test by another route proves nothing."""
    NOT_ADDRESSED = "not addressed"
    """Such a mail is never addressed to a mailbox or channel."""


Row = Mapping[RouteKind, RouteRefusal | None]
"""None: the route may carry the mail."""

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
    Purpose.RENEWAL: {**_OF_A_TENANT, RouteKind.INSTALLATION_CHANNEL: RouteRefusal.WRITTEN_TO_ONE},
    Purpose.TEST: {**dict.fromkeys(RouteKind, RouteRefusal.TESTS_ONE_ROUTE), RouteKind.ADDRESSED: None},
}
"""A purpose without a row cannot be sent: `may_carry` raises KeyError, and a test fails."""

GRANT_ACCESS = frozenset(purpose for purpose, row in TABLE.items() if row is _GRANTS_ACCESS)
"""No copy of their mails stays in the sending mailbox: no draft, nothing in Sent Items."""
OWNERS_ONLY = frozenset(
    purpose
    for purpose, row in TABLE.items()
    if row[RouteKind.OWN_TENANT] in (RouteRefusal.GRANTS_ACCESS, RouteRefusal.OF_THE_INSTALLATION)
)
"""Mails that grant access, or notify of changes to sign-in, secrets and the installation: only owners may mark one as
not to be sent."""
ALLOWED_BY_OWN_TENANT = frozenset(purpose for purpose, row in TABLE.items() if row[RouteKind.OWN_TENANT] is None)


def refusal(purpose: str, kind: RouteKind) -> RouteRefusal | None:
    """A purpose that this version does not know is as restricted as one that grants access."""
    member = known(Purpose, purpose)
    return (TABLE[member] if member else _GRANTS_ACCESS)[kind]


def may_carry(purpose: str, kind: RouteKind) -> bool:
    return refusal(purpose, kind) is None


def kind_of_mailbox(mailbox: Mailbox, installation: UUID | None, owner: UUID | None) -> RouteKind:
    """`installation` is the id of the installation's mailbox; `owner` is the tenant that the mail is about
    (composers.owner_of), None for a mail of the installation."""
    if mailbox.pk == installation:
        keeps_copy = mailbox.transport == TransportName.SMTP
        return RouteKind.INSTALLATION_WITH_COPY if keeps_copy else RouteKind.INSTALLATION
    return RouteKind.OWN_TENANT if owner is not None and mailbox.tenant_id == owner else RouteKind.OTHER_TENANT


def kind_of_channel(channel: Channel) -> RouteKind:
    """The kind of a channel of last resort."""
    is_tenants = channel.tenant_id is not None or channel.app_id is not None
    return RouteKind.TENANT_CHANNEL if is_tenants else RouteKind.INSTALLATION_CHANNEL


def reason_none_may_carry(purpose: str, *, has_mailbox: bool) -> str:
    """Why no route may carry a mail, as a stored text (see stored_messages). `has_mailbox`: the installation has a
    mailbox."""
    if not Mailbox.objects.exists():
        return messages.NO_ROUTE
    if purpose in ALLOWED_BY_OWN_TENANT:
        return messages.NO_TENANT_ROUTE
    return messages.ROUTE_KEEPS_COPY if has_mailbox and purpose in GRANT_ACCESS else messages.NO_INSTALLATION_ROUTE
