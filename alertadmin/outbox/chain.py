"""By which ways a delivery may go, best first.

A test goes by the mailbox under test alone. A reminder goes by the mailbox chosen for reminders, else by any other that
looks healthy, else by the operator's SMTP relay: the secret that expired may be the very one that sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from alertadmin.outbox import sentences, wires
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Credential, CredentialState, Mailbox
from alertadmin.registry.permissions import Transport
from mailer.identity import OnStep
from mailer.message import Message
from mailer.transports import Receipt, Sender

MOST_MAILBOXES = 5
"""Other mailboxes tried for one reminder: enough to get around a broken tenant, too few to hold up the rest."""


@dataclass(frozen=True)
class Route:
    """One way: through a mailbox, or (without one) through the relay."""

    label: str
    transport: str = ""
    mailbox: Mailbox | None = None
    relay_sender: str = ""

    def send(self, message: Message, on_step: OnStep) -> Receipt:
        """Raises Failure, SecretUnavailable, UnknownCloud."""
        if self.mailbox is not None:
            return wires.transport(self.transport).send(message, wires.sender_of(self.mailbox), on_step=on_step)
        relay = wires.relay()
        assert relay is not None, "a relay's route is made only where there is a relay"  # noqa: S101
        return relay.send(message, Sender(self.relay_sender), on_step=on_step)


def through(mailbox: Mailbox, transport: str = "") -> Route:
    transport = transport or mailbox.transport
    return Route(f"{mailbox.address}, {Transport(transport).label}", transport, mailbox)


@dataclass
class Chain:
    """The ways of one run. A way that failed for its own reasons is not tried again in the same run."""

    ways: list[Route]
    down: set[str] = field(default_factory=set)

    @classmethod
    def for_reminders(cls, now: datetime) -> Chain:
        ways = [through(mailbox) for mailbox in _mailboxes(now)]
        if wires.relay() is not None:
            ways.append(Route(sentences.RELAY, "relay", relay_sender=_relay_sender(ways)))
        return cls(ways)

    def routes(self, delivery: Delivery) -> Iterator[Route]:
        if delivery.purpose == Purpose.TEST:
            if delivery.mailbox is not None:
                yield through(delivery.mailbox, delivery.transport)
            return
        for way in self.ways:
            if way.label not in self.down:
                yield way


def _mailboxes(now: datetime) -> list[Mailbox]:
    """The chosen one, even if it looks ill, then those on premises and those whose credential in use has not ended."""
    mailboxes = Mailbox.objects.select_related("app__tenant", "tenant").prefetch_related("app__credentials")
    chosen = list(mailboxes.filter(sends_reminders=True))
    in_use = Credential.objects.filter(
        app=OuterRef("app"), state=CredentialState.CURRENT, expires_at__gt=now, value__isnull=False
    )
    others = mailboxes.filter(Q(app=None, password__isnull=False) | Exists(in_use), sends_reminders=False)
    # Those last whose tenant Exchange Online may have switched EWS off for.
    ordered = sorted(
        others[: MOST_MAILBOXES * 4],
        key=lambda mailbox: mailbox.transport == Transport.EWS and not mailbox.is_on_premises,
    )
    return chosen + ordered[:MOST_MAILBOXES]


def _relay_sender(ways: list[Route]) -> str:
    """The From of a mail by the relay: an address that people know, or this installation's own."""
    from django.conf import settings

    addresses = [way.mailbox.address for way in ways if way.mailbox is not None]
    return settings.ENVIRONMENT.get("SMTP_FROM") or (addresses[0] if addresses else "alertadmin@localhost.localdomain")
