"""The routes that may carry a delivery, best first.

A test uses the mailbox or channel under test only, and a channel's notification that channel only. A mail uses the
installation's mailbox, else those of its tenant, else the operator's SMTP relay, else the channels of last resort: the
secret that expired may be the one that sends. route_policy decides which of these may carry it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from django.db.models import Q

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import connections, relay_sender, tenant_mailboxes
from alertadmin.outbox.delivery.route_policy import (
    GRANT_ACCESS,
    RouteKind,
    kind_of_channel,
    kind_of_mailbox,
    may_carry,
    reason_none_may_carry,
)
from alertadmin.outbox.delivery.routes import Route, channel_route, mailbox_route, relay_route, test_routes
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Attempt, Channel, Delivery, Purpose
from alertadmin.registry.installation_mailbox import installation_mailbox
from alertadmin.registry.models import Mailbox

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass
class EligibleRoutes:
    """The routes of the installation and of its tenants, as read at the time `now`."""

    installation_routes: list[Route]
    """The installation's routes for mail: its mailbox and the relay."""
    last_resorts: list[Route] = field(default_factory=list)
    now: datetime = EARLIEST
    """When the run began."""
    installation: UUID | None = None
    """Id of the installation's mailbox (registry.installation_mailbox)."""
    is_chosen: bool = True
    """Whether the mailbox was chosen for the installation, and so precedes a tenant's own."""
    _tenant_routes: dict[UUID, list[Route]] = field(default_factory=dict)
    """The mailboxes of each tenant whose mail was routed so far."""

    @classmethod
    def for_reminders(cls, now: datetime) -> Self:
        mailbox = installation_mailbox()
        is_chosen = mailbox is not None and mailbox.sends_reminders
        # A chosen mailbox is tried even if its secret has expired; another only if it has a secret to send with.
        routes = [mailbox_route(mailbox)] if mailbox and (is_chosen or _can_send(mailbox)) else []
        if connections.relay() is not None:
            routes.append(relay_route(_relay_sender(routes)))
        last_resorts = [
            channel_route(channel, is_last_resort=True)
            for channel in Channel.objects.active().filter(is_last_resort=True)
        ]
        return cls(routes, last_resorts, now=now, installation=mailbox.pk if mailbox else None, is_chosen=is_chosen)

    def routes_for(self, delivery: Delivery) -> list[Route]:
        """The routes that may carry the delivery (route_policy), best first."""
        if delivery.uses_channel:
            routes = [channel_route(delivery.channel)] if delivery.channel else []
            return routes if may_carry(delivery.purpose, RouteKind.ADDRESSED) else []
        if delivery.purpose == Purpose.TEST:
            return test_routes(delivery)
        owner = composers.owner_of(delivery)
        mailboxes = [route for route in self.installation_routes if route.mailbox is not None]
        own = self._tenant_routes_of(owner) if owner else []
        first = [*mailboxes, *own] if self.is_chosen else [*own, *mailboxes]
        others = [route for route in self.installation_routes if route.mailbox is None]
        found = {route.key: route for route in (*first, *others, *self.last_resorts)}
        return [route for route in found.values() if may_carry(delivery.purpose, self._kind(route, owner))]

    def may_send_draft(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Whether the attempt's draft may be sent from its mailbox: a copy stays in Sent Items."""
        if delivery.purpose == Purpose.TEST or attempt.mailbox is None:
            return True
        kind = kind_of_mailbox(attempt.mailbox, self.installation, composers.owner_of(delivery))
        return delivery.purpose not in GRANT_ACCESS and may_carry(delivery.purpose, kind)

    def _kind(self, route: Route, owner: UUID | None) -> RouteKind:
        if route.mailbox is not None:
            return kind_of_mailbox(route.mailbox, self.installation, owner)
        return kind_of_channel(route.channel) if route.channel is not None else RouteKind.RELAY

    def _tenant_routes_of(self, tenant: UUID) -> list[Route]:
        """The routes of a tenant's mailboxes, read once per run."""
        if tenant not in self._tenant_routes:
            found = [mailbox_route(mailbox) for mailbox in tenant_mailboxes.mailboxes_of(tenant, self.now)]
            self._add_tenant_routes(tenant, found)
        return self._tenant_routes[tenant]

    def _add_tenant_routes(self, tenant: UUID, found: list[Route]) -> None:
        self._tenant_routes.setdefault(tenant, found)

    def deliverable_otherwise(self) -> Q:
        """Filter of deliveries that can be sent although the installation's routes are unavailable."""
        return tenant_mailboxes.deliverable_by_own_mailbox(self.installation)

    def reason_without_route(self, delivery: Delivery) -> str:
        """Why no route may carry the delivery, as a stored text."""
        is_mail = not delivery.uses_channel and delivery.purpose != Purpose.TEST
        return (
            reason_none_may_carry(delivery.purpose, has_mailbox=bool(self.installation_routes))
            if is_mail
            else messages.NO_ROUTE
        )


def _can_send(mailbox: Mailbox) -> bool:
    return tenant_mailboxes.sendable().filter(pk=mailbox.pk).exists()


def _relay_sender(routes: list[Route]) -> str:
    """From address of mails by the relay: the configured one, the installation mailbox's, or a default."""
    addresses = [route.mailbox.address for route in routes if route.mailbox is not None]
    return connections.relay_from() or (addresses[0] if addresses else relay_sender.default() or relay_sender.UNKNOWN)
