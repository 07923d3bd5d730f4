"""By which ways a delivery may go, best first.

A test goes by the mailbox or channel under test alone, and what a channel is told by that channel alone. A mail goes by
the mailbox that was chosen for the installation, else by those of its own tenant, else by the operator's SMTP relay,
else by the channels of last resort: the secret that expired may be the very one that sends. Which of these may carry it
says outbox.route_policy; which of them is next after what came back so far, outbox.retry_rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Condition
from time import monotonic
from uuid import UUID

from django.db.models import Q

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import connections, route_health, tenant_mailboxes
from alertadmin.outbox.delivery.rate_limit import LONGEST_HELD, RateLimiter
from alertadmin.outbox.delivery.retry_rule import (
    Evidence,
    Outage,
    RouteHealth,
    Way,
    is_left_alone,
    next_way,
    waits_until,
)
from alertadmin.outbox.delivery.route_policy import (
    GRANT_ACCESS,
    RouteKind,
    kind_of_channel,
    kind_of_mailbox,
    may_carry,
    why_none_may_carry,
)
from alertadmin.outbox.delivery.route_walk import RouteWalk
from alertadmin.outbox.delivery.routes import Route, RouteKey, channel_route, mailbox_route, relay_route, test_routes
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Attempt, Channel, Delivery, Purpose
from alertadmin.outbox.queue.clock import Clock
from alertadmin.registry.installation_mailbox import installation_mailbox
from alertadmin.registry.models import Mailbox
from mailer.errors import Acceptance, SendError

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
EARLIEST = datetime.min.replace(tzinfo=UTC)
SHARE = 2
"""So many threads wait for a way that takes long, while there is another."""
SLOW = 5.0
"""Seconds, after which a way takes long. Until then the other threads wait to see whether it works: that it is not
known yet is no reason to go by the next."""
STRIKES = 2
"""So often a way may fail for no known reason, with different messages, before it counts as down."""


@dataclass
class Router:
    """The ways of one run. A way that failed for its own reasons is not tried again in the same run; one in doubt is
    tried by one delivery of the run, if its time has come (outbox.retry_rule)."""

    installation_routes: list[Route]
    """Of the installation, for mail: its mailbox and the relay."""
    last_resorts: list[Route] = field(default_factory=list)
    now: datetime = EARLIEST
    """When the run began."""
    installation: UUID | None = None
    """The installation's mailbox (registry.installation_mailbox)."""
    is_chosen: bool = True
    """Whether that was chosen for the installation, and so goes before a tenant's own."""
    _own: dict[UUID, list[Route]] = field(default_factory=dict)
    """Through the mailboxes of each tenant whose mail was looked at."""
    _apps_down: list[tuple[Route, SendError]] = field(default_factory=list)
    unavailable: dict[RouteKey, SendError] = field(default_factory=dict)
    _strikes: Counter[RouteKey] = field(default_factory=Counter)
    _worked: set[RouteKey] = field(default_factory=set)
    _waiting: dict[RouteKey, list[float]] = field(default_factory=dict)
    """Since when threads wait for each way."""
    _health: RouteHealth = field(default_factory=RouteHealth)
    _doors: set[str] = field(default_factory=set)
    """Doors whose latest attempts were read."""
    _probing: dict[Hashable, tuple[UUID, float]] = field(default_factory=dict)
    """Outages that a delivery tries again at this moment, and since when."""
    _still_out: set[Hashable] = field(default_factory=set)
    """Outages that were met in this run: none is tried again in it."""
    _news: Condition = field(default_factory=Condition)
    """Of a way that works, is down, in doubt, or free again."""

    @classmethod
    def for_reminders(cls, now: datetime) -> Router:
        mailbox = installation_mailbox()
        is_chosen = mailbox is not None and mailbox.sends_reminders
        # One that was chosen is tried even if it looks ill; another only if something is stored to send with.
        ways = [mailbox_route(mailbox)] if mailbox and (is_chosen or _can_send(mailbox)) else []
        if connections.relay() is not None:
            ways.append(relay_route(_relay_sender(ways)))
        last_resorts = [
            channel_route(channel, is_last_resort=True)
            for channel in Channel.objects.told().filter(is_last_resort=True)
        ]
        return cls(ways, last_resorts, now=now, installation=mailbox.pk if mailbox else None, is_chosen=is_chosen)

    def routes_for(self, delivery: Delivery) -> list[Route]:
        """Those that may carry it (route_policy), best first."""
        if delivery.goes_by_channel:
            ways = [channel_route(delivery.channel)] if delivery.channel else []
            return ways if may_carry(delivery.purpose, RouteKind.ADDRESSED) else []
        if delivery.purpose == Purpose.TEST:
            return test_routes(delivery)
        owner = composers.owner_of(delivery)
        mailboxes = [way for way in self.installation_routes if way.mailbox is not None]
        own = self._own_ways(owner) if owner else []
        first = [*mailboxes, *own] if self.is_chosen else [*own, *mailboxes]
        others = [way for way in self.installation_routes if way.mailbox is None]
        found = {way.key: way for way in (*first, *others, *self.last_resorts)}
        return [way for way in found.values() if may_carry(delivery.purpose, self._kind(way, owner))]

    def may_send_draft(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Whether the draft that it left may be sent from where it lies: what is sent so stays in Sent Items."""
        if delivery.purpose == Purpose.TEST or attempt.mailbox is None:
            return True
        kind = kind_of_mailbox(attempt.mailbox, self.installation, composers.owner_of(delivery))
        return delivery.purpose not in GRANT_ACCESS and may_carry(delivery.purpose, kind)

    def _kind(self, way: Route, owner: UUID | None) -> RouteKind:
        if way.mailbox is not None:
            return kind_of_mailbox(way.mailbox, self.installation, owner)
        return kind_of_channel(way.channel) if way.channel is not None else RouteKind.RELAY

    def _own_ways(self, tenant: UUID) -> list[Route]:
        """Through its mailboxes; looked up once in a run."""
        if tenant not in self._own:
            found = [mailbox_route(mailbox) for mailbox in tenant_mailboxes.mailboxes_of(tenant, self.now)]
            with self._news:
                self._own.setdefault(tenant, found)
                for way in found:
                    if failure := next((down for app, down in self._apps_down if way.shares_app(app)), None):
                        self.unavailable.setdefault(way.key, failure)
        return self._own[tenant]

    def next_routes(self, delivery: Delivery, walk: RouteWalk, clock: Clock) -> Iterator[Route]:
        """Looks at each step at what has come back since; ends where the delivery is to wait."""
        ways = self.routes_for(delivery)
        if delivery.purpose == Purpose.TEST:
            yield from ways
            return
        mailboxes = [way.mailbox for way in ways if way.mailbox is not None]
        current = tenant_mailboxes.unchanged(mailboxes, self.installation) if mailboxes else set()
        ways = [way for way in ways if way.mailbox is None or way.mailbox.pk in current]
        self._look_back(ways, clock())
        try:
            while (way := self._take_next(delivery, ways, walk, clock)) is not None:
                begun = self._waiting[way.key][-1]
                try:
                    yield way
                finally:
                    with self._news:
                        self._waiting[way.key].remove(begun)
                        self._news.notify_all()
        finally:
            with self._news:
                self._probing = {scope: by for scope, by in self._probing.items() if by[0] != delivery.pk}
                self._news.notify_all()

    def _look_back(self, ways: list[Route], now: datetime) -> None:
        """Reads what other runs and processes met at these doors."""
        with self._news:
            unread = {way.endpoint for way in ways} - self._doors
            self._doors |= unread
            for tried in route_health.latest(unread, now) if unread else []:
                self._health.add(tried)

    def _take_next(self, delivery: Delivery, ways: list[Route], walk: RouteWalk, clock: Clock) -> Route | None:
        """The way to try now. Waits for a moment where other threads are about to find out whether one works."""
        with self._news:
            while True:
                now = clock()
                left = {way.way: way for way in ways if way.key not in self.unavailable and way.key not in walk.seen}
                chosen = next_way(
                    walk.history,
                    list(left),
                    self._health,
                    walk=walk.id,
                    now=now,
                    is_asked_for=walk.is_asked_for,
                    may_probe=partial(self._may_probe, delivery),
                )
                if chosen is None:
                    if not self._waited_for_a_probe(delivery, walk, list(left), now):
                        return None
                    continue
                way = left.pop(chosen)
                if self._is_crowded(way) and self._has_room(left.values(), now):
                    patience = SLOW - (monotonic() - min(self._waiting[way.key]))
                    if patience <= 0:
                        walk.seen.add(way.key)
                    else:
                        self._news.wait(patience)
                    continue
                if outage := self._health.outage(chosen, now):
                    self._probing.setdefault(outage.scope, (delivery.pk, monotonic()))
                walk.seen.add(way.key)
                self._waiting.setdefault(way.key, []).append(monotonic())
                return way

    def _may_probe(self, delivery: Delivery, outage: Outage) -> bool:
        prober, _since = self._probing.get(outage.scope, (delivery.pk, 0.0))
        return prober == delivery.pk and outage.scope not in self._still_out

    def _waited_for_a_probe(self, delivery: Delivery, walk: RouteWalk, left: Iterable[Way], now: datetime) -> bool:
        """Whether it is worth to look again: another delivery was just trying whether an outage is over."""
        if is_left_alone(walk.history, self._health, walk=walk.id, now=now):
            return False
        for outage in filter(None, (self._health.outage(way, now) for way in left)):
            prober, since = self._probing.get(outage.scope, (delivery.pk, 0.0))
            patience = SLOW - (monotonic() - since)
            if prober != delivery.pk and patience > 0:
                self._news.wait(patience)
                return True
        return False

    def _has_room(self, ways: Iterable[Route], now: datetime) -> bool:
        return any(self._is_open(way, now) and not way.is_last_resort and not self._is_crowded(way) for way in ways)

    def _is_crowded(self, way: Route) -> bool:
        """Enough threads wait for this way: a server that is slow holds up its share."""
        waiting = self._waiting.get(way.key, [])
        is_quick = way.key in self._worked and all(monotonic() - since < SLOW for since in waiting)
        return not is_quick and len(waiting) >= SHARE

    def _is_open(self, way: Route, now: datetime) -> bool:
        outage = self._health.outage(way.way, now)
        is_out = outage is not None and (outage.scope in self._still_out or outage.next_try > now)
        return way.key not in self.unavailable and not is_out

    def record_failure(self, route: Route, failure: SendError, *, surely: bool = False) -> None:
        """A clear failure of a reminder; `surely` says that it is the way's own whatever its cause. A channel's always
        is."""
        if failure.cause in OF_THE_MESSAGE:
            return
        if failure.cause == "other" and not surely and route.channel is None:
            self._strikes[route.key] += 1
            if self._strikes[route.key] < STRIKES:
                return
        with self._news:
            self.unavailable[route.key] = failure
            if failure.cause in OF_THE_APP and route.mailbox is not None:
                self._apps_down.append((route, failure))
                known = (*self.installation_routes, *(way for ways in self._own.values() for way in ways))
                self.unavailable.update({way.key: failure for way in known if way.shares_app(route)})
            self._news.notify_all()

    def learn_from(self, route: Route, attempt: Attempt, now: datetime) -> None:
        """What an attempt that is over says of its way, and of others by the same door."""
        tried = route_health.tried(attempt)
        with self._news:
            self._health.add(tried)
            if tried.evidence == Evidence.DOUBTFUL:
                outage = self._health.outage(route.way, now)
                met = {route.key, outage.scope if outage else route.key}
                self._still_out |= met
                self._probing = {scope: by for scope, by in self._probing.items() if scope not in met}
            self._news.notify_all()

    def record_success(self, route: Route) -> None:
        self._strikes.pop(route.key, None)
        with self._news:
            self._worked.add(route.key)
            self._news.notify_all()

    def is_down(self, now: datetime) -> bool:
        """Whether none of the installation's ways for mail is left in this run, or there never was one. Tenants' own
        mailboxes may still send (`otherwise`)."""
        with self._news:
            return not self._probing and not any(
                self._is_open(way, now) for way in (*self.installation_routes, *self.last_resorts)
            )

    def deliverable_otherwise(self) -> Q:
        """Deliveries that may leave though the installation's ways are closed."""
        return tenant_mailboxes.may_carry_some_of(self.installation)

    def next_try(self, now: datetime) -> datetime | None:
        """When the first way in doubt is tried again; None if none is in doubt."""
        outages = (
            self._health.outage(way.way, now) for way in self.installation_routes if way.key not in self.unavailable
        )
        return min((outage.next_try for outage in outages if outage), default=None)

    def last_failure(self, now: datetime) -> SendError | None:
        """Of the ways by mail."""
        return next(filter(None, (self._failure(way, now) for way in reversed(self.installation_routes))), None)

    def failure_of(self, delivery: Delivery, now: datetime) -> SendError | None:
        """Why its ways are closed in this run; None if it has none."""
        ways = [way for way in self.routes_for(delivery) if not way.is_last_resort]
        return next(filter(None, (self._failure(way, now) for way in reversed(ways))), None)

    def reason_without_route(self, delivery: Delivery) -> str:
        """One stored sentence, for a delivery that no route may carry."""
        is_mail = not delivery.goes_by_channel and delivery.purpose != Purpose.TEST
        return (
            why_none_may_carry(delivery.purpose, has_mailbox=bool(self.installation_routes))
            if is_mail
            else messages.NO_WAY
        )

    def _failure(self, way: Route, now: datetime) -> SendError | None:
        outage = self._health.outage(way.way, now)
        doubt = SendError(outage.last.cause, outage.last.technical, Acceptance.UNKNOWN) if outage else None
        return self.unavailable.get(way.key, doubt)

    def waits_until(self, delivery: Delivery, walk: RouteWalk, now: datetime) -> datetime:
        """When a delivery that found no way in this walk is to be tried again."""
        ways = self.routes_for(delivery)
        refusals = [failure for failure in walk.failures if failure.outcome == Acceptance.NOT_SENT]
        refusals = refusals or [self.unavailable[way.key] for way in ways if way.key in self.unavailable]
        asked = min((failure.retry_after or 0 for failure in refusals), default=0)
        return waits_until(
            walk.history,
            [way.way for way in ways if way.key not in self.unavailable],
            self._health,
            walk=walk.id,
            now=now,
            is_refused=bool(refusals),
            asked=min(timedelta(seconds=asked), LONGEST_HELD),
            free_at=walk.busy_until,
        )

    def opens_at(self, pace: RateLimiter, now: datetime) -> datetime | None:
        """When the first of the ways that work is free again; None if one is, or none works."""
        working = [way for way in self.installation_routes if self._is_open(way, now)]
        working = working or [way for way in self.last_resorts if self._is_open(way, now)]
        moments = [pace.free_at(way.sender_id, now) for way in working]
        busy = [moment for moment in moments if moment is not None]
        return min(busy) if busy and len(busy) == len(moments) else None


def _can_send(mailbox: Mailbox) -> bool:
    return tenant_mailboxes.sendable().filter(pk=mailbox.pk).exists()


def _relay_sender(ways: list[Route]) -> str:
    """The From of a mail by the relay: an address that people know, or this installation's own."""
    addresses = [way.mailbox.address for way in ways if way.mailbox is not None]
    return connections.relay_from() or (addresses[0] if addresses else "alertadmin@localhost.localdomain")
