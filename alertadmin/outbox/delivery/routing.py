"""The routes by which a delivery may be sent, best first.

A test uses the mailbox or channel under test only, and a channel's notification that channel only. A mail uses the
installation's mailbox, else those of its tenant, else the operator's SMTP relay, else the channels of last resort: the
secret that expired may be the one that sends. route_policy decides which of these may carry it, retry_rule which is
next after the results so far.
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
"""Causes that concern the message, not the route."""
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
"""Causes that are shared by every other mailbox of the same app in the same tenant."""
EARLIEST = datetime.min.replace(tzinfo=UTC)
SHARE = 2
"""Maximum number of threads blocked on a slow route while another is free."""
SLOW = 5.0
"""Seconds after which a route counts as slow. Until then other threads wait for its first result before they use the
next route."""
STRIKES = 2
"""Unclassified failures, with different messages, after which a route is marked unavailable for this run."""


@dataclass
class Router:
    """The routes of one run. A route that failed for its own reasons is not tried again in the same run; an uncertain
    route is probed by one delivery of the run, if its wait is over (retry_rule)."""

    installation_routes: list[Route]
    """The installation's routes for mail: its mailbox and the relay."""
    last_resorts: list[Route] = field(default_factory=list)
    now: datetime = EARLIEST
    """When the run began."""
    installation: UUID | None = None
    """Id of the installation's mailbox (registry.installation_mailbox)."""
    is_chosen: bool = True
    """Whether the mailbox was chosen for the installation, and so precedes a tenant's own."""
    _own: dict[UUID, list[Route]] = field(default_factory=dict)
    """The mailboxes of each tenant whose mail was routed so far."""
    _apps_down: list[tuple[Route, SendError]] = field(default_factory=list)
    unavailable: dict[RouteKey, SendError] = field(default_factory=dict)
    _strikes: Counter[RouteKey] = field(default_factory=Counter)
    _worked: set[RouteKey] = field(default_factory=set)
    _waiting: dict[RouteKey, list[float]] = field(default_factory=dict)
    """Start times of the sends under way on each route."""
    _health: RouteHealth = field(default_factory=RouteHealth)
    _doors: set[str] = field(default_factory=set)
    """Endpoints whose latest attempts were read."""
    _probing: dict[Hashable, tuple[UUID, float]] = field(default_factory=dict)
    """Outages that a delivery is probing, with the start time."""
    _still_out: set[Hashable] = field(default_factory=set)
    """Outages met in this run: they are not probed again in it."""
    _news: Condition = field(default_factory=Condition)
    """Notified when a route works, fails, becomes uncertain, or is free again."""

    @classmethod
    def for_reminders(cls, now: datetime) -> Router:
        mailbox = installation_mailbox()
        is_chosen = mailbox is not None and mailbox.sends_reminders
        # A chosen mailbox is tried even if its secret has expired; another only if it has a secret to send with.
        ways = [mailbox_route(mailbox)] if mailbox and (is_chosen or _can_send(mailbox)) else []
        if connections.relay() is not None:
            ways.append(relay_route(_relay_sender(ways)))
        last_resorts = [
            channel_route(channel, is_last_resort=True)
            for channel in Channel.objects.told().filter(is_last_resort=True)
        ]
        return cls(ways, last_resorts, now=now, installation=mailbox.pk if mailbox else None, is_chosen=is_chosen)

    def routes_for(self, delivery: Delivery) -> list[Route]:
        """The routes that may carry the delivery (route_policy), best first."""
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
        """Whether the attempt's draft may be sent from its mailbox: a copy stays in Sent Items."""
        if delivery.purpose == Purpose.TEST or attempt.mailbox is None:
            return True
        kind = kind_of_mailbox(attempt.mailbox, self.installation, composers.owner_of(delivery))
        return delivery.purpose not in GRANT_ACCESS and may_carry(delivery.purpose, kind)

    def _kind(self, way: Route, owner: UUID | None) -> RouteKind:
        if way.mailbox is not None:
            return kind_of_mailbox(way.mailbox, self.installation, owner)
        return kind_of_channel(way.channel) if way.channel is not None else RouteKind.RELAY

    def _own_ways(self, tenant: UUID) -> list[Route]:
        """The routes of a tenant's mailboxes, read once per run."""
        if tenant not in self._own:
            found = [mailbox_route(mailbox) for mailbox in tenant_mailboxes.mailboxes_of(tenant, self.now)]
            with self._news:
                self._own.setdefault(tenant, found)
                for way in found:
                    if failure := next((down for app, down in self._apps_down if way.shares_app(app)), None):
                        self.unavailable.setdefault(way.key, failure)
        return self._own[tenant]

    def next_routes(self, delivery: Delivery, walk: RouteWalk, clock: Clock) -> Iterator[Route]:
        """Yield routes to try. Each step considers the results so far; ends when the delivery is to wait."""
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
        """Read the latest attempts of other runs and processes at these endpoints."""
        with self._news:
            unread = {way.endpoint for way in ways} - self._doors
            self._doors |= unread
            for tried in route_health.latest(unread, now) if unread else []:
                self._health.add(tried)

    def _take_next(self, delivery: Delivery, ways: list[Route], walk: RouteWalk, clock: Clock) -> Route | None:
        """The route to try now. Waits briefly if other threads are about to learn whether a route works."""
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
        """Wait for another delivery that is probing an outage. Return whether to choose again."""
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
        """Whether enough threads wait for this route; a slow server blocks only its share of threads."""
        waiting = self._waiting.get(way.key, [])
        is_quick = way.key in self._worked and all(monotonic() - since < SLOW for since in waiting)
        return not is_quick and len(waiting) >= SHARE

    def _is_open(self, way: Route, now: datetime) -> bool:
        outage = self._health.outage(way.way, now)
        is_out = outage is not None and (outage.scope in self._still_out or outage.next_try > now)
        return way.key not in self.unavailable and not is_out

    def record_failure(self, route: Route, failure: SendError, *, surely: bool = False) -> None:
        """Record a clear failure. `is_route_fault`: it is the route's own, whatever the cause; a channel's always
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
        """Record what a finished attempt shows about its route, and about others at the same endpoint."""
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
        """Whether no route of the installation for mail is available in this run. Tenants' own mailboxes may still send
        (`deliverable_otherwise`)."""
        with self._news:
            return not self._probing and not any(
                self._is_open(way, now) for way in (*self.installation_routes, *self.last_resorts)
            )

    def deliverable_otherwise(self) -> Q:
        """Filter of deliveries that can be sent although the installation's routes are unavailable."""
        return tenant_mailboxes.may_carry_some_of(self.installation)

    def next_try(self, now: datetime) -> datetime | None:
        """When the first uncertain route is tried again; None if none is uncertain."""
        outages = (
            self._health.outage(way.way, now) for way in self.installation_routes if way.key not in self.unavailable
        )
        return min((outage.next_try for outage in outages if outage), default=None)

    def last_failure(self, now: datetime) -> SendError | None:
        """The last failure of the routes by mail."""
        return next(filter(None, (self._failure(way, now) for way in reversed(self.installation_routes))), None)

    def failure_of(self, delivery: Delivery, now: datetime) -> SendError | None:
        """Why the delivery's routes are unavailable in this run; None if it has no route."""
        ways = [way for way in self.routes_for(delivery) if not way.is_last_resort]
        return next(filter(None, (self._failure(way, now) for way in reversed(ways))), None)

    def reason_without_route(self, delivery: Delivery) -> str:
        """Why no route may carry the delivery, as a stored text."""
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
        """When to try a delivery again that found no route in this walk."""
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
        """When the first available route has a free slot; None if one has, or no route is available."""
        working = [way for way in self.installation_routes if self._is_open(way, now)]
        working = working or [way for way in self.last_resorts if self._is_open(way, now)]
        moments = [pace.free_at(way.sender_id, now) for way in working]
        busy = [moment for moment in moments if moment is not None]
        return min(busy) if busy and len(busy) == len(moments) else None


def _can_send(mailbox: Mailbox) -> bool:
    return tenant_mailboxes.sendable().filter(pk=mailbox.pk).exists()


def _relay_sender(ways: list[Route]) -> str:
    """From address of mails by the relay: the configured one, the installation mailbox's, or a local default."""
    addresses = [way.mailbox.address for way in ways if way.mailbox is not None]
    return connections.relay_from() or (addresses[0] if addresses else "alertadmin@localhost.localdomain")
