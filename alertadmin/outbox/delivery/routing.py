"""Choose the next route for a delivery, for all threads of a run.

eligible_routes says which routes may carry the delivery, retry_rule which is next after the results so far; this module
shares the results among the threads, and lets them wait for each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Condition
from time import monotonic
from uuid import UUID

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import route_health, tenant_mailboxes
from alertadmin.outbox.delivery.delivery_log import MESSAGE_CAUSES
from alertadmin.outbox.delivery.eligible_routes import EligibleRoutes
from alertadmin.outbox.delivery.rate_limit import MAX_RETRY_AFTER, RateLimiter
from alertadmin.outbox.delivery.retry_rule import (
    Candidate,
    Evidence,
    Outage,
    PastAttempt,
    RouteHealth,
    choose_route,
    must_wait,
    next_attempt_time,
)
from alertadmin.outbox.delivery.routes import Route, RouteKey
from alertadmin.outbox.models import Attempt, Delivery, Purpose
from alertadmin.outbox.queue.clock import Clock
from mailer.errors import Acceptance, SendError

APP_CAUSES = frozenset(
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
MAX_BLOCKED_THREADS = 2
"""Maximum number of threads blocked on a slow route while another is free."""
SLOW_AFTER = 5.0
"""Seconds after which a route counts as slow. Until then other threads wait for its first result before they use the
next route."""
MAX_UNCLASSIFIED_FAILURES = 2
"""Unclassified failures, with different messages, after which a route is marked unavailable for this run."""


@dataclass
class Router(EligibleRoutes):
    """The routes of one run, shared by its threads. A route that failed for its own reasons is not tried again in the
    same run; an uncertain route is probed by one delivery of the run, if its wait is over (retry_rule)."""

    _apps_down: list[tuple[Route, SendError]] = field(default_factory=list)
    unavailable: dict[RouteKey, SendError] = field(default_factory=dict)
    _strikes: Counter[RouteKey] = field(default_factory=Counter)
    _worked: set[RouteKey] = field(default_factory=set)
    _sends_since: dict[RouteKey, list[float]] = field(default_factory=dict)
    """Start times of the sends in progress on each route."""
    _health: RouteHealth = field(default_factory=RouteHealth)
    _endpoints_read: set[str] = field(default_factory=set)
    """Endpoints whose latest attempts were read."""
    _probing: dict[Hashable, tuple[UUID, float]] = field(default_factory=dict)
    """Outages that a delivery is probing, with the start time."""
    _met_outages: set[Hashable] = field(default_factory=set)
    """Outages met in this run: they are not probed again in it."""
    _changed: Condition = field(default_factory=Condition)
    """Notified when a route works, fails, becomes uncertain, or is free again."""

    def _add_tenant_routes(self, tenant: UUID, found: list[Route]) -> None:
        with self._changed:
            super()._add_tenant_routes(tenant, found)
            for route in found:
                if failure := next((down for app, down in self._apps_down if route.shares_app(app)), None):
                    self.unavailable.setdefault(route.key, failure)

    def next_routes(self, delivery: Delivery, walk: RouteWalk, clock: Clock) -> Iterator[Route]:
        """Yield routes to try. Each step considers the results so far; ends when the delivery is to wait."""
        routes = self.routes_for(delivery)
        if delivery.purpose == Purpose.TEST:
            yield from routes
            return
        mailboxes = [route.mailbox for route in routes if route.mailbox is not None]
        current = tenant_mailboxes.still_valid(mailboxes, self.installation) if mailboxes else set()
        routes = [route for route in routes if route.mailbox is None or route.mailbox.pk in current]
        self._read_recent_attempts(routes, clock())
        try:
            while (route := self._take_next(delivery, routes, walk, clock)) is not None:
                begun = self._sends_since[route.key][-1]
                try:
                    yield route
                finally:
                    with self._changed:
                        self._sends_since[route.key].remove(begun)
                        self._changed.notify_all()
        finally:
            with self._changed:
                self._probing = {scope: by for scope, by in self._probing.items() if by[0] != delivery.pk}
                self._changed.notify_all()

    def _read_recent_attempts(self, routes: list[Route], now: datetime) -> None:
        """Read the latest attempts of other runs and processes at these endpoints."""
        with self._changed:
            unread = {route.endpoint for route in routes} - self._endpoints_read
            self._endpoints_read |= unread
            for tried in route_health.latest(unread, now) if unread else []:
                self._health.add(tried)

    def _take_next(self, delivery: Delivery, routes: list[Route], walk: RouteWalk, clock: Clock) -> Route | None:
        """The route to try now. Waits briefly if other threads are about to learn whether a route works."""
        with self._changed:
            while True:
                now = clock()
                left = {
                    route.candidate: route
                    for route in routes
                    if route.key not in self.unavailable and route.key not in walk.seen
                }
                chosen = choose_route(
                    walk.history,
                    list(left),
                    self._health,
                    walk=walk.id,
                    now=now,
                    is_asked_for=walk.is_asked_for,
                    may_probe=partial(self._may_probe, delivery),
                )
                if chosen is None:
                    if not self._wait_for_probe(delivery, walk, list(left), now):
                        return None
                    continue
                route = left.pop(chosen)
                if self._is_crowded(route) and self._has_room(left.values(), now):
                    remaining = SLOW_AFTER - (monotonic() - min(self._sends_since[route.key]))
                    if remaining <= 0:
                        walk.seen.add(route.key)
                    else:
                        self._changed.wait(remaining)
                    continue
                if outage := self._health.outage(chosen, now):
                    self._probing.setdefault(outage.scope, (delivery.pk, monotonic()))
                walk.seen.add(route.key)
                self._sends_since.setdefault(route.key, []).append(monotonic())
                return route

    def _may_probe(self, delivery: Delivery, outage: Outage) -> bool:
        prober, _since = self._probing.get(outage.scope, (delivery.pk, 0.0))
        return prober == delivery.pk and outage.scope not in self._met_outages

    def _wait_for_probe(self, delivery: Delivery, walk: RouteWalk, left: Iterable[Candidate], now: datetime) -> bool:
        """Wait for another delivery that is probing an outage. Return whether to choose again."""
        if must_wait(walk.history, self._health, walk=walk.id, now=now):
            return False
        for outage in filter(None, (self._health.outage(route, now) for route in left)):
            prober, since = self._probing.get(outage.scope, (delivery.pk, 0.0))
            remaining = SLOW_AFTER - (monotonic() - since)
            if prober != delivery.pk and remaining > 0:
                self._changed.wait(remaining)
                return True
        return False

    def _has_room(self, routes: Iterable[Route], now: datetime) -> bool:
        return any(
            self._is_open(route, now) and not route.is_last_resort and not self._is_crowded(route) for route in routes
        )

    def _is_crowded(self, route: Route) -> bool:
        """Whether enough threads wait for this route; a slow server blocks only its share of threads."""
        waiting = self._sends_since.get(route.key, [])
        is_quick = route.key in self._worked and all(monotonic() - since < SLOW_AFTER for since in waiting)
        return not is_quick and len(waiting) >= MAX_BLOCKED_THREADS

    def _is_open(self, route: Route, now: datetime) -> bool:
        outage = self._health.outage(route.candidate, now)
        is_out = outage is not None and (outage.scope in self._met_outages or outage.next_try > now)
        return route.key not in self.unavailable and not is_out

    def record_failure(self, route: Route, failure: SendError, *, is_route_fault: bool = False) -> None:
        """Record a clear failure. `is_route_fault`: it is the route's own, for any cause; a channel's always
        is."""
        if failure.cause in MESSAGE_CAUSES:
            return
        if failure.cause == "other" and not is_route_fault and route.channel is None:
            self._strikes[route.key] += 1
            if self._strikes[route.key] < MAX_UNCLASSIFIED_FAILURES:
                return
        with self._changed:
            self.unavailable[route.key] = failure
            if failure.cause in APP_CAUSES and route.mailbox is not None:
                self._apps_down.append((route, failure))
                known = (
                    *self.installation_routes,
                    *(route for routes in self._tenant_routes.values() for route in routes),
                )
                self.unavailable.update({other.key: failure for other in known if other.shares_app(route)})
            self._changed.notify_all()

    def record_attempt(self, route: Route, attempt: Attempt, now: datetime) -> None:
        """Record what a finished attempt shows about its route, and about others at the same endpoint."""
        tried = route_health.to_past_attempt(attempt)
        with self._changed:
            self._health.add(tried)
            if tried.evidence == Evidence.DOUBTFUL:
                outage = self._health.outage(route.candidate, now)
                met = {route.key, outage.scope if outage else route.key}
                self._met_outages |= met
                self._probing = {scope: by for scope, by in self._probing.items() if scope not in met}
            self._changed.notify_all()

    def record_success(self, route: Route) -> None:
        self._strikes.pop(route.key, None)
        with self._changed:
            self._worked.add(route.key)
            self._changed.notify_all()

    def is_unavailable(self, now: datetime) -> bool:
        """Whether no route of the installation for mail is available in this run. Tenants' own mailboxes may still send
        (`deliverable_otherwise`)."""
        with self._changed:
            return not self._probing and not any(
                self._is_open(route, now) for route in (*self.installation_routes, *self.last_resorts)
            )

    def next_try(self, now: datetime) -> datetime | None:
        """When the first uncertain route is tried again; None if none is uncertain."""
        outages = (
            self._health.outage(route.candidate, now)
            for route in self.installation_routes
            if route.key not in self.unavailable
        )
        return min((outage.next_try for outage in outages if outage), default=None)

    def last_failure(self, now: datetime) -> SendError | None:
        """The last failure of the routes by mail."""
        return next(filter(None, (self._failure(route, now) for route in reversed(self.installation_routes))), None)

    def failure_of(self, delivery: Delivery, now: datetime) -> SendError | None:
        """Why the delivery's routes are unavailable in this run; None if it has no route."""
        routes = [route for route in self.routes_for(delivery) if not route.is_last_resort]
        return next(filter(None, (self._failure(route, now) for route in reversed(routes))), None)

    def _failure(self, route: Route, now: datetime) -> SendError | None:
        outage = self._health.outage(route.candidate, now)
        doubt = SendError(outage.last.cause, outage.last.technical, Acceptance.UNKNOWN) if outage else None
        return self.unavailable.get(route.key, doubt)

    def next_attempt_time(self, delivery: Delivery, walk: RouteWalk, now: datetime) -> datetime:
        """When to try a delivery again that found no route in this walk."""
        routes = self.routes_for(delivery)
        refusals = [failure for failure in walk.failures if failure.outcome == Acceptance.NOT_SENT]
        refusals = refusals or [self.unavailable[route.key] for route in routes if route.key in self.unavailable]
        asked = min((failure.retry_after or 0 for failure in refusals), default=0)
        return next_attempt_time(
            walk.history,
            [route.candidate for route in routes if route.key not in self.unavailable],
            self._health,
            walk=walk.id,
            now=now,
            is_refused=bool(refusals),
            requested_wait=min(timedelta(seconds=asked), MAX_RETRY_AFTER),
            free_at=walk.busy_until,
        )

    def free_at(self, rate_limiter: RateLimiter, now: datetime) -> datetime | None:
        """When the first available route has a free slot; None if one has, or no route is available."""
        working = [route for route in self.installation_routes if self._is_open(route, now)]
        working = working or [route for route in self.last_resorts if self._is_open(route, now)]
        moments = [rate_limiter.free_at(route.sender_id, now) for route in working]
        busy = [moment for moment in moments if moment is not None]
        return min(busy) if busy and len(busy) == len(moments) else None


@dataclass
class RouteWalk:
    """The routes that one claim of a delivery has tried, and the delivery's earlier attempts."""

    id: UUID | None = None
    """The claim's owner token."""
    history: list[PastAttempt] = field(default_factory=list)
    """All finished attempts of the delivery, oldest first."""
    is_asked_for: bool = False
    """A user asked to send the delivery now."""
    failures: list[SendError] = field(default_factory=list)
    """Failures of this walk, including uncertain answers."""
    refused: set[RouteKey] = field(default_factory=set)
    """Routes that clearly failed in this walk."""
    seen: set[RouteKey] = field(default_factory=set)
    """Routes that were tried in this walk, or were busy."""
    busy_until: list[datetime] = field(default_factory=list)

    @classmethod
    def of(cls, delivery: Delivery) -> RouteWalk:
        """The walk of a claimed delivery."""
        before = route_health.history(delivery) if delivery.tries else []
        return cls(delivery.owner, before, is_asked_for=delivery.reason == messages.SEND_NOW)

    def add(self, attempt: Attempt) -> None:
        self.history.append(route_health.to_past_attempt(attempt))
