"""Choose the route and time of a delivery's next attempt from the results so far. No database, clock or threads.

Result                    proves                        next attempt of this delivery
------------------------  ----------------------------  ---------------------------------------------------------------
accepted                  the provider has it           none: it is sent
refused, busy             not accepted                  the next route at once; no route left: all again after a wait
not reached, cut before   nothing was sent              the next route at once; no route left: all again after a wait
no answer, gateway,       it may have been accepted     first the same route after a minute, with identical bytes; then
foreign, worker lost                                    at once each route whose last answer was clear, the last resort
                                                        after the others; if there is none, the uncertain routes again
                                                        after a growing wait, until the content is obsolete

A draft is looked up before any of this (reconcile). This module never gives up: a delivery is settled when it is
accepted, when every route permanently refuses the recipient in one walk (sender), when its content is obsolete, or by
a user.

An uncertain route is also rated for the other deliveries. One uncertain answer ranks it behind the routes whose answers
are clear; uncertain answers of two senders at one endpoint (the same Graph, the same Exchange) rank all senders of that
endpoint last. Such an outage is probed by one delivery of a run, after a growing wait; the others use other routes or
wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
LONGEST_WAIT_IN_DOUBT = timedelta(hours=4)
"""Each further attempt of a message that may have been accepted can create a duplicate."""
ATTEMPTS_IN_FIRST_DAY = 30
"""This many attempts take about a day: six waits that double, then one each hour."""
SAME_OUTAGE_WITHIN = FIRST_WAIT / 2
"""Uncertain answers within this time count as one attempt: several threads met the same outage."""
SENDERS_IN_ENDPOINT_OUTAGE = 2
"""Number of senders with an uncertain answer that makes it an outage of their endpoint."""
ATTEMPTS_PER_ENDPOINT = 60
"""Attempts per endpoint that are considered, the latest."""
CLOCK_SKEW = timedelta(minutes=5)
"""Ignore answers that are further in the future than this (clock skew)."""


class Evidence(Enum):
    """What an attempt proves about the message, and about its route."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Not accepted, by an answer of the server."""
    NOT_LEFT = "not left"
    """Not accepted, but without an answer of the server: its route may still be uncertain."""
    DOUBTFUL = "doubtful"
    LOST = "lost"
    """The worker was lost: the message may have been accepted; it proves nothing about the route."""


UNCERTAIN_EVIDENCE = frozenset({Evidence.DOUBTFUL, Evidence.LOST})


@dataclass(frozen=True)
class Candidate:
    """A route as the retry rule knows it. `key` identifies the sender (a mailbox by a transport, a channel, the relay),
    `endpoint` the server, which several senders may share."""

    key: Hashable
    endpoint: str
    is_last_resort: bool = False


@dataclass(frozen=True)
class PastAttempt:
    """A finished attempt. All attempts of one claim have the same `walk`."""

    key: Hashable
    endpoint: str
    evidence: Evidence
    at: datetime
    walk: Hashable = None
    has_draft: bool = False
    cause: str = ""
    technical: str = ""


@dataclass(frozen=True)
class Outage:
    """Consecutive uncertain answers of a route or of a whole endpoint."""

    scope: Hashable
    """The route's key, or the endpoint."""
    last: PastAttempt
    tries: int

    @property
    def next_try(self) -> datetime:
        return self.last.at + retry_delay(self.tries, is_in_doubt=True)


def retry_delay(tries: int, *, is_in_doubt: bool) -> timedelta:
    """The wait after this many attempts: doubles from a minute to an hour; if in doubt, after a day up to four
    hours."""
    if is_in_doubt and tries > ATTEMPTS_IN_FIRST_DAY:
        return min(LONGEST_WAIT * (1 << min(tries - ATTEMPTS_IN_FIRST_DAY, 2)), LONGEST_WAIT_IN_DOUBT)
    return min(FIRST_WAIT * (1 << min(max(tries - 1, 0), 6)), LONGEST_WAIT)


class RouteHealth:
    """The latest results of all routes, over all deliveries."""

    def __init__(self, tried: Iterable[PastAttempt] = ()) -> None:
        self._by_endpoint: dict[str, list[PastAttempt]] = {}
        for one in tried:
            self.add(one)

    def add(self, tried: PastAttempt) -> None:
        """Insert by time, latest first, and keep the latest per endpoint."""
        attempts = self._by_endpoint.setdefault(tried.endpoint, [])
        position = next((position for position, other in enumerate(attempts) if other.at <= tried.at), len(attempts))
        attempts.insert(position, tried)
        del attempts[ATTEMPTS_PER_ENDPOINT:]

    def outage(self, route: Candidate, now: datetime) -> Outage | None:
        """The outage of the endpoint or of the route; None if its last answer was clear, or it has none."""
        at_endpoint = [one for one in self._by_endpoint.get(route.endpoint, ()) if one.at <= now + CLOCK_SKEW]
        # Another sender's refusal may have come from another server, such as Entra; only acceptance proves this one.
        of_endpoint = _consecutive_uncertain(at_endpoint, until={Evidence.ACCEPTED})
        if len({one.key for one in of_endpoint}) >= SENDERS_IN_ENDPOINT_OUTAGE:
            return Outage(route.endpoint, of_endpoint[0], _count_outages(of_endpoint))
        own = [one for one in at_endpoint if one.key == route.key]
        if doubts := _consecutive_uncertain(own, until={Evidence.ACCEPTED, Evidence.REFUSED}):
            return Outage(route.key, doubts[0], _count_outages(doubts))
        return None


def _consecutive_uncertain(latest_first: Iterable[PastAttempt], until: Collection[Evidence]) -> list[PastAttempt]:
    found = []
    for one in latest_first:
        if one.evidence in until:
            break
        if one.evidence == Evidence.DOUBTFUL:
            found.append(one)
    return found


def _count_outages(latest_first: Sequence[PastAttempt]) -> int:
    moments = 1
    for later, earlier in pairwise(latest_first):
        moments += later.at - earlier.at > SAME_OUTAGE_WITHIN
    return moments


def choose_route(
    history: Sequence[PastAttempt],
    routes: Sequence[Candidate],
    health: RouteHealth,
    *,
    walk: Hashable,
    now: datetime,
    is_asked_for: bool = False,
    may_probe: Callable[[Outage], bool] = lambda outage: True,
) -> Candidate | None:
    """The route to try now; None if the delivery is to wait until `next_attempt_time`.

    `history` are the delivery's own attempts, oldest first; `routes` the available routes, best first, without those
    that have clearly failed in this run or are busy. Each is tried once per walk. `may_probe` says whether this
    delivery may be the one that probes an outage in this run; if a user asked for the delivery (`is_asked_for`), it may
    do so before the wait is over.
    """
    if must_wait(history, health, walk=walk, now=now):
        return None
    seen = {one.key for one in history if one.walk == walk}
    doubts = [one for one in history if one.evidence in UNCERTAIN_EVIDENCE]
    ranked = []
    for position, route in enumerate(routes):
        outage = health.outage(route, now)
        if route.key in seen or (outage and not _is_due(outage, now, is_asked_for, may_probe)):
            continue
        ranked.append((_rank(route, outage, doubts), position, route))
    return min(ranked, key=lambda one: one[:2])[2] if ranked else None


def must_wait(history: Sequence[PastAttempt], health: RouteHealth, *, walk: Hashable, now: datetime) -> bool:
    """Whether to wait: a minute after a first uncertain answer; after one with a draft until that was looked up."""
    latest = history[-1] if history else None
    if latest is None or latest.walk != walk or latest.evidence != Evidence.DOUBTFUL:
        return False
    outage = health.outage(Candidate(latest.key, latest.endpoint), now)
    is_first = sum(one.evidence in UNCERTAIN_EVIDENCE for one in history) == 1
    is_new = outage is None or (outage.scope == latest.key and outage.tries == 1)
    return latest.has_draft or (is_first and is_new)


def _is_due(outage: Outage, now: datetime, is_asked_for: bool, may_probe: Callable[[Outage], bool]) -> bool:
    return (is_asked_for or outage.next_try <= now) and may_probe(outage)


def _rank(route: Candidate, outage: Outage | None, doubts: Sequence[PastAttempt]) -> tuple[int, int]:
    """Sort key, lowest first: the same route once more, which is harmless if the provider drops duplicates; a route to
    probe, for a delivery that is not uncertain; clear routes, those of other endpoints first; the last resort; the
    uncertain routes. Among equals, those with the fewest uncertain answers for this delivery."""
    own = sum(one.key == route.key for one in doubts)
    if len(doubts) == own == 1 and not doubts[0].has_draft:
        return 0, 0
    if outage is not None:
        return (5, own) if doubts else (1, 0)
    if route.is_last_resort:
        return 4, own
    return (3, own) if any(one.endpoint == route.endpoint for one in doubts) else (2, own)


def next_attempt_time(
    history: Sequence[PastAttempt],
    routes: Sequence[Candidate],
    health: RouteHealth,
    *,
    walk: Hashable,
    now: datetime,
    is_refused: bool,
    requested_wait: timedelta = timedelta(0),
    free_at: Iterable[datetime] = (),
) -> datetime:
    """When to try a delivery again that found no route in this walk: later than `now`.

    `is_refused`: a route clearly failed. `requested_wait`: how long its server asked to wait. `free_at`: when the busy
    routes are free.
    """
    moments = [outage.next_try for route in routes if (outage := health.outage(route, now))]
    latest = history[-1] if history else None
    if latest is not None and latest.walk == walk and latest.evidence == Evidence.DOUBTFUL and latest.has_draft:
        moments.append(now + FIRST_WAIT)
    if is_refused or not moments:
        walks = len({one.walk for one in history})
        moments.append(now + max(retry_delay(walks, is_in_doubt=False), requested_wait))
    later = [moment for moment in (*moments, *free_at) if moment > now]
    return min(later, default=now + FIRST_WAIT)
