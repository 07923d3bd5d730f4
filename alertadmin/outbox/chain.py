"""By which ways a delivery may go, best first.

A test goes by the mailbox or channel under test alone, and what a channel is told by that channel alone. A mail goes by
the mailbox chosen for reminders, else by any other that looks healthy, else by the operator's SMTP relay, else by the
channels of last resort: the secret that expired may be the very one that sends. Which of them is next after what came
back so far says outbox.retry_rule.
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

from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When

from alertadmin.outbox import route_health, wires
from alertadmin.outbox.clock import Clock
from alertadmin.outbox.models import Attempt, AttemptOutcome, Channel, Delivery, Purpose
from alertadmin.outbox.pace import LONGEST_HELD, Pace
from alertadmin.outbox.retry_rule import Evidence, Health, Outage, Way, is_left_alone, next_way, waits_until
from alertadmin.outbox.routes import Route, RouteKey, by, by_relay, through, under_test
from alertadmin.outbox.walk import Walk
from alertadmin.registry.models import Credential, Mailbox
from alertadmin.registry.permissions import Transport
from mailer.failure import Failure, Outcome

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


@dataclass
class Chain:
    """The ways of one run. A way that failed for its own reasons is not tried again in the same run; one in doubt is
    tried by one delivery of the run, if its time has come (outbox.retry_rule)."""

    ways: list[Route]
    last_resorts: list[Route] = field(default_factory=list)
    down: dict[RouteKey, Failure] = field(default_factory=dict)
    _strikes: Counter[RouteKey] = field(default_factory=Counter)
    _worked: set[RouteKey] = field(default_factory=set)
    _waiting: dict[RouteKey, list[float]] = field(default_factory=dict)
    """Since when threads wait for each way."""
    _health: Health = field(default_factory=Health)
    _doors: set[str] = field(default_factory=set)
    """Doors whose latest attempts were read."""
    _probing: dict[Hashable, tuple[UUID, float]] = field(default_factory=dict)
    """Outages that a delivery tries again at this moment, and since when."""
    _still_out: set[Hashable] = field(default_factory=set)
    """Outages that were met in this run: none is tried again in it."""
    _news: Condition = field(default_factory=Condition)
    """Of a way that works, is down, in doubt, or free again."""

    @classmethod
    def for_reminders(cls, now: datetime) -> Chain:
        ways = [through(mailbox) for mailbox in _mailboxes(now)]
        if wires.relay() is not None:
            ways.append(by_relay(_relay_sender(ways)))
        channels = Channel.objects.told().filter(is_last_resort=True)
        return cls(ways, [by(channel, is_last_resort=True) for channel in channels])

    def ways_of(self, delivery: Delivery) -> list[Route]:
        if delivery.goes_by_channel:
            return [by(delivery.channel)] if delivery.channel else []
        if delivery.purpose == Purpose.TEST:
            return under_test(delivery)
        if delivery.purpose in (Purpose.CONSENT, Purpose.INVITATION, Purpose.PASSWORD):
            return self.ways  # it is for that person alone, and can wait
        return [*self.ways, *self.last_resorts]

    def routes(self, delivery: Delivery, walk: Walk, clock: Clock) -> Iterator[Route]:
        """Looks at each step at what has come back since; ends where the delivery is to wait."""
        ways = self.ways_of(delivery)
        if delivery.purpose == Purpose.TEST:
            yield from ways
            return
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
            unread = {way.door for way in ways} - self._doors
            self._doors |= unread
            for tried in route_health.latest(unread, now) if unread else []:
                self._health.add(tried)

    def _take_next(self, delivery: Delivery, ways: list[Route], walk: Walk, clock: Clock) -> Route | None:
        """The way to try now. Waits for a moment where other threads are about to find out whether one works."""
        with self._news:
            while True:
                now = clock()
                left = {way.way: way for way in ways if way.key not in self.down and way.key not in walk.seen}
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

    def _waited_for_a_probe(self, delivery: Delivery, walk: Walk, left: Iterable[Way], now: datetime) -> bool:
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
        return way.key not in self.down and not is_out

    def note(self, route: Route, failure: Failure, *, surely: bool = False) -> None:
        """A clear failure of a reminder; `surely` says that it is the way's own whatever its cause. A channel's always
        is."""
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

    def learn(self, route: Route, attempt: Attempt, now: datetime) -> None:
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

    def worked(self, route: Route) -> None:
        self._strikes.pop(route.key, None)
        with self._news:
            self._worked.add(route.key)
            self._news.notify_all()

    def is_down(self, now: datetime) -> bool:
        """Whether no way for mail is left in this run, or there never was one."""
        with self._news:
            return not self._probing and not any(self._is_open(way, now) for way in (*self.ways, *self.last_resorts))

    def next_try(self, now: datetime) -> datetime | None:
        """When the first way in doubt is tried again; None if none is in doubt."""
        outages = (self._health.outage(way.way, now) for way in self.ways if way.key not in self.down)
        return min((outage.next_try for outage in outages if outage), default=None)

    def last_failure(self, now: datetime) -> Failure | None:
        """Of the ways by mail."""
        return next(filter(None, (self._failure(way, now) for way in reversed(self.ways))), None)

    def failure_of(self, delivery: Delivery, now: datetime) -> Failure | None:
        """Why its ways are closed in this run."""
        if delivery.channel is not None:
            return self._failure(by(delivery.channel), now)
        return self.last_failure(now)

    def _failure(self, way: Route, now: datetime) -> Failure | None:
        outage = self._health.outage(way.way, now)
        doubt = Failure(outage.last.cause, outage.last.technical, Outcome.UNKNOWN) if outage else None
        return self.down.get(way.key, doubt)

    def waits_until(self, delivery: Delivery, walk: Walk, now: datetime) -> datetime:
        """When a delivery that found no way in this walk is to be tried again."""
        ways = self.ways_of(delivery)
        refusals = [failure for failure in walk.failures if failure.outcome == Outcome.NOT_SENT]
        refusals = refusals or [self.down[way.key] for way in ways if way.key in self.down]
        asked = min((failure.retry_after or 0 for failure in refusals), default=0)
        return waits_until(
            walk.history,
            [way.way for way in ways if way.key not in self.down],
            self._health,
            walk=walk.id,
            now=now,
            is_refused=bool(refusals),
            asked=min(timedelta(seconds=asked), LONGEST_HELD),
            free_at=walk.busy_until,
        )

    def opens_at(self, pace: Pace, now: datetime) -> datetime | None:
        """When the first of the ways that work is free again; None if one is, or none works."""
        working = [way for way in self.ways if self._is_open(way, now)]
        working = working or [way for way in self.last_resorts if self._is_open(way, now)]
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
