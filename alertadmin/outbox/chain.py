"""By which ways a delivery may go, best first.

A test goes by the mailbox or channel under test alone, and what a channel is told by that channel alone. A mail goes by
the mailbox chosen for reminders, else by any other that looks healthy, else by the operator's SMTP relay, else by the
channels of last resort: the secret that expired may be the very one that sends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Condition
from time import monotonic
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When

from alertadmin.outbox import by_channel, sentences, wires
from alertadmin.outbox.channels.notice import Notice
from alertadmin.outbox.models import Attempt, AttemptOutcome, Channel, Delivery, Purpose
from alertadmin.outbox.pace import Pace
from alertadmin.registry.models import Credential, Mailbox
from alertadmin.registry.permissions import Transport
from mailer.failure import Failure
from mailer.message import Message
from mailer.transports import Drafting, OnDraft, Receipt, Sender

MOST_MAILBOXES = 5
"""Other mailboxes tried for one reminder: enough to get around a broken tenant, too few to hold up the rest."""
LOOKED_AT = 200
"""Mailboxes among which those are chosen."""

OF_THE_MESSAGE = frozenset({"recipient_rejected", "message_too_large"})
"""Causes that say nothing against the way itself."""
OF_THE_APP = frozenset(
    {
        "secret_wrong",
        "secret_expired",
        "certificate_wrong",
        "certificate_expired",
        "app_not_found",
        "app_disabled",
        "tenant_not_found",
        "wrong_cloud",
        "conditional_access",
    }
)
"""Causes that every other mailbox of the same app in the same tenant shares."""
FAILED = (AttemptOutcome.REFUSED, AttemptOutcome.UNKNOWN, AttemptOutcome.LOST)
SHARE = 2
"""So many threads wait for a way that takes long, while there is another."""
SLOW = 5.0
"""Seconds, after which a way takes long. Until then the other threads wait to see whether it works: that it is not
known yet is no reason to go by the next."""
STRIKES = 2
"""So often a way may fail for no known reason, with different messages, before it counts as down."""


@dataclass(frozen=True)
class Route:
    """One way: through a mailbox, a channel, or (without either) through the relay."""

    label: str
    transport: str = ""
    mailbox: Mailbox | None = None
    channel: Channel | None = None
    relay_sender: str = ""
    is_test: bool = False
    """A test proves the secret as it is now; a token that an earlier send was given would prove nothing."""

    is_last_resort: bool = False
    sends_as: str = ""
    """An address that its app should not be able to send as: what comes of it says nothing of the mailbox."""

    @property
    def tried(self) -> Mailbox | None:
        """The mailbox of which an attempt tells how it is."""
        return None if self.sends_as else self.mailbox

    @property
    def sender_id(self) -> UUID | None:
        """Of the mailbox or channel, each of which is paced; None for the relay."""
        sender = self.mailbox or self.channel
        return sender.pk if sender else None

    @property
    def key(self) -> tuple[UUID | None, str]:
        return self.sender_id, f"{self.transport} {self.sends_as}".strip()

    def shares_app(self, other: Route) -> bool:
        ours, theirs = self.mailbox, other.mailbox
        if ours is None or theirs is None or ours.app_id is None:
            return False
        # For a personal account the app is asked about elsewhere, and shows no secret.
        return (ours.app_id, ours.tenant_id, ours.is_personal) == (theirs.app_id, theirs.tenant_id, theirs.is_personal)

    def send(self, message: Message | Notice, on_step: Callable[[str, str], None], on_draft: OnDraft) -> Receipt:
        """A channel takes a notice, the others a message. Raises Failure, SecretUnavailable, UnknownCloud."""
        if isinstance(message, Notice):
            assert self.channel is not None, "a notice goes by a channel"  # noqa: S101
            return by_channel.send(self.channel, message, on_step)
        if self.mailbox is not None:
            sender = wires.sender_of(self.mailbox)
            if self.is_test:
                wires.forget_tokens(sender)
            transport = wires.transport(self.transport)
            if self.sends_as:
                # No draft: it would lie among somebody else's.
                return transport.send(message, replace(sender, address=self.sends_as), on_step=on_step)
            if isinstance(transport, Drafting):
                return transport.send(message, sender, on_step=on_step, on_draft=on_draft)
            return transport.send(message, sender, on_step=on_step)
        relay = wires.relay()
        assert relay is not None, "a relay's route is made only where there is a relay"  # noqa: S101
        return relay.send(message, Sender(self.relay_sender), on_step=on_step)


def through(mailbox: Mailbox, transport: str = "", *, is_test: bool = False, sends_as: str = "") -> Route:
    transport = transport or mailbox.transport
    label = f"{sends_as or mailbox.address}, {Transport(transport).label}"
    return Route(label, transport, mailbox, is_test=is_test, sends_as=sends_as)


def by(channel: Channel, *, is_last_resort: bool = False) -> Route:
    label = f"{channel.name}, {channel.label}"
    return Route(label, by_channel.TRANSPORT, channel=channel, is_last_resort=is_last_resort)


def under_test(delivery: Delivery) -> list[Route]:
    """A test's one way; none if its mailbox was removed meanwhile."""
    if delivery.mailbox is None:
        return []
    return [through(delivery.mailbox, delivery.transport, is_test=True, sends_as=delivery.sends_as)]


@dataclass
class Chain:
    """The ways of one run. A way that failed for its own reasons is not tried again in the same run."""

    ways: list[Route]
    last_resorts: list[Route] = field(default_factory=list)
    down: dict[tuple[UUID | None, str], Failure] = field(default_factory=dict)
    _strikes: Counter[tuple[UUID | None, str]] = field(default_factory=Counter)
    _worked: set[tuple[UUID | None, str]] = field(default_factory=set)
    _waiting: dict[tuple[UUID | None, str], list[float]] = field(default_factory=dict)
    """Since when threads wait for each way."""
    _news: Condition = field(default_factory=Condition)
    """Of a way that works, is down, or is free again."""

    @classmethod
    def for_reminders(cls, now: datetime) -> Chain:
        ways = [through(mailbox) for mailbox in _mailboxes(now)]
        if wires.relay() is not None:
            ways.append(Route(sentences.RELAY, "relay", relay_sender=_relay_sender(ways)))
        channels = Channel.objects.told().filter(is_last_resort=True)
        return cls(ways, [by(channel, is_last_resort=True) for channel in channels])

    def routes(self, delivery: Delivery) -> Iterator[Route]:
        """Looks at each step at what has broken down since."""
        if delivery.goes_by_channel:
            ways = [by(delivery.channel)] if delivery.channel else []
        elif delivery.purpose == Purpose.TEST:
            ways = under_test(delivery)
        elif delivery.purpose in (Purpose.CONSENT, Purpose.INVITATION, Purpose.PASSWORD):
            ways = self.ways  # it is for that person alone, and can wait
        else:
            ways = [*self.ways, *self.last_resorts]
        for place, way in enumerate(ways):
            if delivery.purpose != Purpose.TEST and way.key in self.down:
                continue
            since = self._enter(way, ways[place + 1 :])
            if since is not None:
                try:
                    yield way
                finally:
                    with self._news:
                        self._waiting[way.key].remove(since)
                        self._news.notify_all()

    def _enter(self, way: Route, others: list[Route]) -> float | None:
        """None if enough threads wait for this way and there is another: a server that is slow holds up its share."""
        with self._news:
            while self._is_crowded(way) and self._has_room(others):
                left = SLOW - (monotonic() - min(self._waiting[way.key]))
                if left <= 0:
                    return None
                self._news.wait(left)
                if way.key in self.down:
                    return None
            since = monotonic()
            self._waiting.setdefault(way.key, []).append(since)
            return since

    def _has_room(self, ways: list[Route]) -> bool:
        return any(way.key not in self.down and not way.is_last_resort and not self._is_crowded(way) for way in ways)

    def _is_crowded(self, way: Route) -> bool:
        waiting = self._waiting.get(way.key, [])
        is_quick = way.key in self._worked and all(monotonic() - since < SLOW for since in waiting)
        return not is_quick and len(waiting) >= SHARE

    def note(self, route: Route, failure: Failure, *, surely: bool = False) -> None:
        """A failure of a reminder; `surely` says that it is the way's own whatever its cause. A channel's always is."""
        if failure.cause in OF_THE_MESSAGE:
            return
        if failure.cause == "other" and not surely and route.channel is None:
            self._strikes[route.key] += 1
            if self._strikes[route.key] < STRIKES:
                return
        with self._news:
            self.down[route.key] = failure
            if failure.cause in OF_THE_APP and route.mailbox is not None:
                self.down.update({way.key: failure for way in self.ways if way.shares_app(route)})
            self._news.notify_all()

    def worked(self, route: Route) -> None:
        self._strikes.pop(route.key, None)
        with self._news:
            self._worked.add(route.key)
            self._news.notify_all()

    @property
    def is_down(self) -> bool:
        """Whether no way for mail is left in this run, or there never was one."""
        return all(way.key in self.down for way in (*self.ways, *self.last_resorts))

    @property
    def last_failure(self) -> Failure | None:
        """Of the ways by mail."""
        return next(reversed([self.down[way.key] for way in self.ways if way.key in self.down]), None)

    def failure_of(self, delivery: Delivery) -> Failure | None:
        """Why its ways are closed in this run."""
        if delivery.channel is not None:
            return self.down.get(by(delivery.channel).key)
        return self.last_failure

    def opens_at(self, pace: Pace, now: datetime) -> datetime | None:
        """When the first of the ways that work is free again; None if one is, or none works."""
        working = [way for way in self.ways if way.key not in self.down]
        working = working or [way for way in self.last_resorts if way.key not in self.down]
        moments = [pace.free_at(way.sender_id, now) for way in working]
        busy = [moment for moment in moments if moment is not None]
        return min(busy) if busy and len(busy) == len(moments) else None


def _mailboxes(now: datetime) -> list[Mailbox]:
    """The chosen one, even if it looks ill, then some that can send by what is stored, each of another app.

    Those come last whose credential has ended (as far as we know), whose latest attempt failed, and whose tenant
    Exchange Online may have switched EWS off for: whatever breaks, each run tries others, until one sends.
    """
    mailboxes = Mailbox.objects.select_related("app__tenant", "tenant").prefetch_related("app__credentials")
    chosen = list(mailboxes.filter(sends_reminders=True))
    stored = Credential.objects.watched().filter(app=OuterRef("app"), value__isnull=False)
    by_login = Q(app=None, password__isnull=False)
    by_sign_in = Q(is_personal=True, refresh_token__isnull=False)
    latest = Attempt.objects.filter(mailbox=OuterRef("pk")).order_by("-started_at").values("outcome")[:1]
    others = (
        mailboxes.filter(by_login | by_sign_in | (Q(is_personal=False) & Exists(stored)), sends_reminders=False)
        .annotate(latest=Subquery(latest), lasts=Exists(stored.filter(expires_at__gt=now)))
        .order_by(
            _last(Q(lasts=False, server="", is_personal=False) | Q(is_personal=True, sign_in_ends_at__lte=now)),
            _last(Q(latest__in=FAILED)),
            _last(Q(transport=Transport.EWS, server="")),
            "address",
            "pk",
        )
    )
    return chosen + _spread(list(others[:LOOKED_AT]))[:MOST_MAILBOXES]


def _last(doubtful: Q) -> Case:
    """Sorts those last of whom this is true."""
    return Case(When(doubtful, then=Value(1)), default=Value(0))


def _spread(mailboxes: list[Mailbox]) -> list[Mailbox]:
    """The first of each app or server, then the second of each, and so on: what breaks one breaks its sisters too."""
    seen: Counter[tuple[UUID | None, str]] = Counter()
    turns = []
    for mailbox in mailboxes:
        source = (mailbox.app_id, mailbox.server)
        turns.append(seen[source])
        seen[source] += 1
    # Sorting is stable: within a turn the order stays.
    return [mailbox for _turn, mailbox in sorted(zip(turns, mailboxes, strict=True), key=lambda pair: pair[0])]


def _relay_sender(ways: list[Route]) -> str:
    """The From of a mail by the relay: an address that people know, or this installation's own."""
    addresses = [way.mailbox.address for way in ways if way.mailbox is not None]
    return wires.relay_from() or (addresses[0] if addresses else "alertadmin@localhost.localdomain")
