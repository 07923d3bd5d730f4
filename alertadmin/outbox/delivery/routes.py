"""A route by which a message can be sent, and how to send by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from alertadmin.outbox import messages
from alertadmin.outbox.channels import dispatch
from alertadmin.outbox.channels.notification import Notification
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.retry_rule import Candidate
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import transport_label
from mailer.message import Message
from mailer.transports import DraftingTransport, OnDraft, Receipt, Sender

RELAY = "relay"
"""`Attempt.transport` of attempts by the SMTP relay."""
RouteKey = tuple[UUID | None, str]


@dataclass(frozen=True)
class Route:
    """A mailbox, a channel, or (without either) the SMTP relay."""

    label: str
    transport: str = ""
    mailbox: Mailbox | None = None
    channel: Channel | None = None
    relay_sender: str = ""
    is_test: bool = False
    """A test verifies the current secret, so it must not use a cached token."""

    is_last_resort: bool = False
    sends_as: str = ""
    """An address that the app should not be able to send as: the result says nothing about the mailbox."""

    @property
    def attempted_mailbox(self) -> Mailbox | None:
        """The mailbox whose health an attempt shows."""
        return None if self.sends_as else self.mailbox

    @property
    def sender_id(self) -> UUID | None:
        """Id of the mailbox or channel, to which rate limits apply; None for the relay."""
        sender = self.mailbox or self.channel
        return sender.pk if sender else None

    @property
    def key(self) -> RouteKey:
        return self.sender_id, f"{self.transport} {self.sends_as}".strip()

    @property
    def endpoint(self) -> str:
        """Name of the server, shared by several senders: its outage concerns all of them."""
        if self.channel is not None:
            return f"channel:{self.channel.pk}"
        if self.mailbox is None:
            return self.transport
        where = self.mailbox.server or self.mailbox.tenant.cloud
        return f"{self.transport}:personal:{where}" if self.mailbox.is_personal else f"{self.transport}:{where}"

    @property
    def candidate(self) -> Candidate:
        """The route as the retry rule knows it."""
        return Candidate(self.key, self.endpoint, self.is_last_resort)

    def shares_app(self, other: Route) -> bool:
        ours, theirs = self.mailbox, other.mailbox
        if ours is None or theirs is None or ours.app_id is None:
            return False
        # A personal account authenticates by its refresh token, not by the app's secret, at another token endpoint.
        return (ours.app_id, ours.tenant_id, ours.is_personal) == (theirs.app_id, theirs.tenant_id, theirs.is_personal)

    def send(self, message: Message | Notification, on_step: Callable[[str, str], None], on_draft: OnDraft) -> Receipt:
        """Send a Notification by a channel, a Message by any other. Raises SendError, SecretUnavailable, UnknownCloud,
        UnknownTransport."""
        if isinstance(message, Notification):
            assert self.channel is not None, "a notification needs a channel"  # noqa: S101
            return dispatch.send(self.channel, message, on_step)
        if self.mailbox is not None:
            sender = connections.build_sender(self.mailbox)
            if self.is_test:
                connections.forget_tokens(sender)
            transport = connections.transport(self.transport)
            if self.sends_as:
                # Without a draft, which would be created in another user's mailbox.
                return transport.send(message, replace(sender, address=self.sends_as), on_step=on_step)
            if isinstance(transport, DraftingTransport):
                return transport.send(message, sender, on_step=on_step, on_draft=on_draft)
            return transport.send(message, sender, on_step=on_step)
        relay = connections.relay()
        assert relay is not None, "a relay's route exists only where there is a relay"  # noqa: S101
        return relay.send(message, Sender(self.relay_sender), on_step=on_step)


def mailbox_route(mailbox: Mailbox, transport: str = "", *, is_test: bool = False, sends_as: str = "") -> Route:
    transport = transport or mailbox.transport
    label = f"{sends_as or mailbox.address}, {transport_label(transport)}"
    return Route(label, transport, mailbox, is_test=is_test, sends_as=sends_as)


def channel_route(channel: Channel, *, is_last_resort: bool = False) -> Route:
    label = f"{channel.name}, {channel.label}"
    return Route(label, dispatch.TRANSPORT, channel=channel, is_last_resort=is_last_resort)


def relay_route(sender: str) -> Route:
    return Route(messages.RELAY, RELAY, relay_sender=sender)


def test_routes(delivery: Delivery) -> list[Route]:
    """A test's only route; none if its mailbox was removed meanwhile."""
    if delivery.mailbox is None:
        return []
    return [mailbox_route(delivery.mailbox, delivery.transport, is_test=True, sends_as=delivery.sends_as)]
