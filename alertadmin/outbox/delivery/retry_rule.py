"""Which route a delivery takes next, and when: a function of what came back so far. No database, no clock, no threads.

What came back            proves                        next try of this delivery
------------------------  ----------------------------  ---------------------------------------------------------------
accepted                  it is in the provider's hands none: it is sent
refused, busy             not accepted                  the next route at once; no route left: all again after a wait
not reached, cut before   nothing left                  the next route at once; no route left: all again after a wait
no answer, gateway,       it may have been accepted     the first time the same route after a minute, the same to the
foreign, worker lost                                    byte; then each route whose last answer was clear, at once, the
                                                        last resort after the others; where there is none, the routes
                                                        in doubt again after a growing wait, for as long as it is owed

A draft is asked for before any of this (outbox.doubts). There is no end in here: a delivery ends by an acceptance, by
every route refusing the recipient for good in one walk (outbox.sending), because it is no longer owed, or by a person.

A route in doubt is also judged for the other deliveries. One doubtful answer puts it behind the routes whose answers
are clear; those of two senders by one door (the same Graph, the same Exchange) put all senders of that door last. Such
an outage is tried again by one delivery of a run, after a growing wait; the others go round, or wait too.
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
"""Each further try of what may have been accepted can make a copy."""
A_DAY_OF_TRIES = 30
"""So many tries take about a day: six waits that double, then one each hour."""
AT_ONE_MOMENT = FIRST_WAIT / 2
"""Doubtful answers within this time are one try of a route: several threads met the same trouble."""
SENDERS_OF_A_DOOR = 2
"""Senders with a doubtful answer after which it is the door that is in doubt."""
KEPT_OF_A_DOOR = 60
"""Attempts of each door that count. What was done since by others is the better witness."""
LATEST_BELIEVED = timedelta(minutes=5)
"""An answer of a moment later than this from now was written by a clock that ran ahead, and is not counted."""


class Evidence(Enum):
    """What an attempt proves about the message, and about its route."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Clearly not accepted, and the server said so."""
    NOT_LEFT = "not left"
    """Clearly not accepted, but the server was not heard: its route may still be in doubt."""
    DOUBTFUL = "doubtful"
    LOST = "lost"
    """The worker was lost: the message may have been accepted, and nothing is said of the route."""


IN_DOUBT = frozenset({Evidence.DOUBTFUL, Evidence.LOST})


@dataclass(frozen=True)
class Way:
    """A route as the rule knows it. `key` is the sender's (a mailbox by a transport, a channel, the relay), `door` the
    server's that several senders share."""

    key: Hashable
    door: str
    is_last_resort: bool = False


@dataclass(frozen=True)
class PastAttempt:
    """One attempt that is over. `route_walk` is the same for all attempts of one claim."""

    key: Hashable
    door: str
    evidence: Evidence
    at: datetime
    walk: Hashable = None
    has_draft: bool = False
    cause: str = ""
    technical: str = ""


@dataclass(frozen=True)
class Outage:
    """Doubtful answers in a row, of a route or of a whole door."""

    scope: Hashable
    """The route's key, or the door where it is the door's."""
    last: PastAttempt
    tries: int

    @property
    def next_try(self) -> datetime:
        return self.last.at + wait(self.tries, is_in_doubt=True)


def wait(tries: int, *, is_in_doubt: bool) -> timedelta:
    """After so many tries: doubling from a minute to an hour, for what is in doubt after a day to four hours."""
    if is_in_doubt and tries > A_DAY_OF_TRIES:
        return min(LONGEST_WAIT * (1 << min(tries - A_DAY_OF_TRIES, 2)), LONGEST_WAIT_IN_DOUBT)
    return min(FIRST_WAIT * (1 << min(max(tries - 1, 0), 6)), LONGEST_WAIT)


class RouteHealth:
    """What the routes last did, for whichever delivery."""

    def __init__(self, tried: Iterable[PastAttempt] = ()) -> None:
        self._by_door: dict[str, list[PastAttempt]] = {}
        for one in tried:
            self.add(one)

    def add(self, tried: PastAttempt) -> None:
        """Kept latest first, so many of each door."""
        kept = self._by_door.setdefault(tried.door, [])
        place = next((place for place, other in enumerate(kept) if other.at <= tried.at), len(kept))
        kept.insert(place, tried)
        del kept[KEPT_OF_A_DOOR:]

    def outage(self, way: Way, now: datetime) -> Outage | None:
        """The door's, or the route's own; None if its last answer was clear, or there was none."""
        at_door = [one for one in self._by_door.get(way.door, ()) if one.at <= now + LATEST_BELIEVED]
        # Another sender's refusal may have come from elsewhere, such as Entra; only an acceptance shows the door.
        of_door = _doubts(at_door, until={Evidence.ACCEPTED})
        if len({one.key for one in of_door}) >= SENDERS_OF_A_DOOR:
            return Outage(way.door, of_door[0], _moments(of_door))
        own = [one for one in at_door if one.key == way.key]
        if doubts := _doubts(own, until={Evidence.ACCEPTED, Evidence.REFUSED}):
            return Outage(way.key, doubts[0], _moments(doubts))
        return None


def _doubts(latest_first: Iterable[PastAttempt], until: Collection[Evidence]) -> list[PastAttempt]:
    found = []
    for one in latest_first:
        if one.evidence in until:
            break
        if one.evidence == Evidence.DOUBTFUL:
            found.append(one)
    return found


def _moments(latest_first: Sequence[PastAttempt]) -> int:
    moments = 1
    for later, earlier in pairwise(latest_first):
        moments += later.at - earlier.at > AT_ONE_MOMENT
    return moments


def next_way(
    history: Sequence[PastAttempt],
    ways: Sequence[Way],
    health: RouteHealth,
    *,
    walk: Hashable,
    now: datetime,
    is_asked_for: bool = False,
    may_probe: Callable[[Outage], bool] = lambda outage: True,
) -> Way | None:
    """The route to try now; None if the delivery is to wait until `waits_until`.

    `history` are the delivery's own attempts, oldest first; `ways` those that are open to it, best first, without what
    has clearly failed in this run, or has no time. Each is tried once in a walk. `may_probe` says whether this delivery
    may be the one of this run that tries an outage again; a person who asks for the delivery (`is_asked_for`) need not
    wait until that is due.
    """
    if is_left_alone(history, health, walk=walk, now=now):
        return None
    seen = {one.key for one in history if one.walk == walk}
    doubts = [one for one in history if one.evidence in IN_DOUBT]
    ranked = []
    for place, way in enumerate(ways):
        outage = health.outage(way, now)
        if way.key in seen or (outage and not _is_due(outage, now, is_asked_for, may_probe)):
            continue
        ranked.append((_rank(way, outage, doubts), place, way))
    return min(ranked, key=lambda one: one[:2])[2] if ranked else None


def is_left_alone(history: Sequence[PastAttempt], health: RouteHealth, *, walk: Hashable, now: datetime) -> bool:
    """After a first doubtful answer for a minute, after one with a draft until that was asked for."""
    latest = history[-1] if history else None
    if latest is None or latest.walk != walk or latest.evidence != Evidence.DOUBTFUL:
        return False
    outage = health.outage(Way(latest.key, latest.door), now)
    is_first = sum(one.evidence in IN_DOUBT for one in history) == 1
    is_new = outage is None or (outage.scope == latest.key and outage.tries == 1)
    return latest.has_draft or (is_first and is_new)


def _is_due(outage: Outage, now: datetime, is_asked_for: bool, may_probe: Callable[[Outage], bool]) -> bool:
    return (is_asked_for or outage.next_try <= now) and may_probe(outage)


def _rank(way: Way, outage: Outage | None, doubts: Sequence[PastAttempt]) -> tuple[int, int]:
    """Lowest first. The same route once more, which is harmless where the provider drops what it has already; a route
    that may be back, for a delivery that is not in doubt yet; clear routes, those of another door before; the last
    resort; at last the routes in doubt. Of equals those by which this delivery was in doubt least often."""
    own = sum(one.key == way.key for one in doubts)
    if len(doubts) == own == 1 and not doubts[0].has_draft:
        return 0, 0
    if outage is not None:
        return (5, own) if doubts else (1, 0)
    if way.is_last_resort:
        return 4, own
    return (3, own) if any(one.door == way.door for one in doubts) else (2, own)


def waits_until(
    history: Sequence[PastAttempt],
    ways: Sequence[Way],
    health: RouteHealth,
    *,
    walk: Hashable,
    now: datetime,
    is_refused: bool,
    asked: timedelta = timedelta(0),
    free_at: Iterable[datetime] = (),
) -> datetime:
    """When a delivery that found no route in this walk is to be tried again: later than now.

    `is_refused` says that a route clearly failed, and `query_object` how long its server wants to be left alone;
    `free_at` when those that are busy have time.
    """
    moments = [outage.next_try for way in ways if (outage := health.outage(way, now))]
    latest = history[-1] if history else None
    if latest is not None and latest.walk == walk and latest.evidence == Evidence.DOUBTFUL and latest.has_draft:
        moments.append(now + FIRST_WAIT)
    if is_refused or not moments:
        walks = len({one.walk for one in history})
        moments.append(now + max(wait(walks, is_in_doubt=False), asked))
    later = [moment for moment in (*moments, *free_at) if moment > now]
    return min(later, default=now + FIRST_WAIT)
