"""The retry rule by itself: which route next and when, for every history of answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertadmin.outbox.delivery.retry_rule import (
    LONGEST_WAIT,
    LONGEST_WAIT_IN_DOUBT,
    UNCERTAIN_EVIDENCE,
    Candidate,
    Evidence,
    PastAttempt,
    RouteHealth,
    choose_route,
    must_wait,
    next_attempt_time,
    retry_delay,
)
from tests.conftest import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A, B = Candidate("a", "graph"), Candidate("b", "graph")
RELAY, CHANNEL = Candidate("relay", "relay"), Candidate("channel", "channel", is_last_resort=True)
ALL = [A, B, RELAY, CHANNEL]
ACCEPTED, REFUSED, NOT_LEFT, DOUBTFUL, LOST = Evidence


def tried(
    way: Candidate, evidence: Evidence, minutes: float = 0, walk: int = 0, *, has_draft: bool = False
) -> PastAttempt:
    """So many minutes from now; before it, if they are negative."""
    return PastAttempt(way.key, way.endpoint, evidence, NOW + minutes * MINUTE, walk, has_draft)


def chosen(
    history: Sequence[PastAttempt], others: Sequence[PastAttempt] = (), ways: Sequence[Candidate] = ALL, walk: int = 9
) -> Hashable | None:
    way = choose_route(history, ways, RouteHealth([*history, *others]), walk=walk, now=NOW)
    return way.key if way else None


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        # Nothing was tried, or all was clear: the best, then each once in a walk.
        ([], "a"),
        ([tried(A, REFUSED, walk=9)], "b"),
        ([tried(A, NOT_LEFT, walk=9), tried(B, REFUSED, walk=9)], "relay"),
        ([tried(A, REFUSED, walk=9), tried(B, REFUSED, walk=9), tried(RELAY, REFUSED, walk=9)], "channel"),
        ([tried(way, REFUSED, walk=9) for way in ALL], None),
        ([tried(way, REFUSED, -2) for way in ALL], "a"),
        # First uncertain answer: a minute's wait, then the same route once more.
        ([tried(A, DOUBTFUL, walk=9)], None),
        ([tried(A, DOUBTFUL, -1)], "a"),
        ([tried(RELAY, DOUBTFUL, -1)], "relay"),
        ([tried(B, DOUBTFUL, -1)], "b"),
        # Sent now by a user, before the minute is over: clear routes, another endpoint first.
        ([tried(A, DOUBTFUL, -0.5)], "relay"),
        # Uncertain again: at once the clear routes, another endpoint before the same, the last resort after them.
        ([tried(A, DOUBTFUL, -1), tried(A, DOUBTFUL, walk=9)], "relay"),
        ([tried(A, DOUBTFUL, -1), tried(A, DOUBTFUL, walk=9), tried(RELAY, REFUSED, walk=9)], "b"),
        (
            [
                tried(A, DOUBTFUL, -1),
                tried(A, DOUBTFUL, walk=9),
                tried(RELAY, REFUSED, walk=9),
                tried(B, REFUSED, walk=9),
            ],
            "channel",
        ),
        # With the same endpoint uncertain for two mailboxes the last resort is used at once.
        ([tried(A, DOUBTFUL, -1), tried(B, DOUBTFUL, walk=9), tried(RELAY, DOUBTFUL, walk=9)], "channel"),
        # All uncertain: again after a wait, the least tried first.
        ([tried(way, DOUBTFUL, -5) for way in (A, A, B, RELAY, RELAY, CHANNEL, CHANNEL)], "b"),
        # A lost worker proves nothing about the route: at once the same route, then another.
        ([tried(A, LOST)], "a"),
        ([tried(B, LOST)], "b"),
        ([tried(A, LOST, -1), tried(A, LOST)], "relay"),
        # Uncertain with a draft: first it is looked up; later another route.
        ([tried(A, DOUBTFUL, walk=9, has_draft=True)], None),
        ([tried(A, DOUBTFUL, -11, has_draft=True)], "relay"),
        # A doubt that a later answer of others cleared away.
        ([tried(A, DOUBTFUL, -9), tried(A, DOUBTFUL, -8), tried(A, REFUSED, -7)], "relay"),
    ],
)
def test_the_table(history: list[PastAttempt], expected: str | None) -> None:
    assert chosen(history) == expected


class TestWhatOthersMet:
    """A delivery that was never tried, after what others met."""

    @pytest.mark.parametrize(
        ("others", "expected"),
        [
            ([tried(A, DOUBTFUL, -0.5)], "b"),
            ([tried(A, DOUBTFUL, -0.5), tried(A, ACCEPTED, -0.4)], "a"),
            ([tried(A, DOUBTFUL, -0.5), tried(A, REFUSED, -0.4)], "a"),
            ([tried(A, DOUBTFUL, -0.5), tried(A, NOT_LEFT, -0.4)], "b"),
            ([tried(A, DOUBTFUL, -0.5), tried(B, DOUBTFUL, -0.5)], "relay"),
            ([tried(A, DOUBTFUL, -0.5), tried(B, DOUBTFUL, -0.5), tried(A, REFUSED, -0.4)], "relay"),
            ([tried(A, DOUBTFUL, -0.5), tried(B, DOUBTFUL, -0.5), tried(B, ACCEPTED, -0.4)], "b"),
            ([tried(way, DOUBTFUL, -0.5) for way in (A, B, RELAY)], "channel"),
            ([tried(way, DOUBTFUL, -0.5) for way in ALL], None),
            ([tried(A, LOST, -0.5)] * 3, "a"),
            # Its time has come: the first delivery looks whether it is back.
            ([tried(A, DOUBTFUL, -1)], "a"),
            ([tried(A, DOUBTFUL, -3), tried(A, DOUBTFUL, -2)], "a"),
            ([tried(A, DOUBTFUL, -3), tried(A, DOUBTFUL, -1)], "b"),
            # Of a clock that ran ahead.
            ([tried(A, DOUBTFUL, 60)], "a"),
        ],
    )
    def test_the_table(self, others: list[PastAttempt], expected: str | None) -> None:
        assert chosen([], others) == expected

    def test_of_those_that_are_due_one_looks_and_the_others_go_round(self) -> None:
        health = RouteHealth([tried(way, DOUBTFUL, -2) for way in (A, B)])
        may_not = choose_route([], ALL, health, walk=9, now=NOW, may_probe=lambda outage: outage.scope != "graph")
        assert may_not == RELAY

    def test_what_a_person_asks_for_need_not_wait_until_it_is_due(self) -> None:
        health = RouteHealth([tried(A, DOUBTFUL, -5), tried(A, DOUBTFUL)])
        assert choose_route([], [A], health, walk=9, now=NOW) is None
        assert choose_route([], [A], health, walk=9, now=NOW, is_asked_for=True) == A

    def test_answers_of_one_moment_are_one_try(self) -> None:
        at_once = RouteHealth([tried(A, DOUBTFUL, -number / 60) for number in range(4)])
        outage = at_once.outage(A, NOW)
        assert outage
        assert (outage.tries, outage.next_try) == (1, NOW + MINUTE)


def test_waits_double_to_an_hour_and_in_doubt_after_a_day_to_four() -> None:
    minutes = [retry_delay(tries, is_in_doubt=True) / MINUTE for tries in range(1, 34)]
    assert minutes[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert minutes[29:] == [60, 120, 240, 240]
    assert DAY - 2 * HOUR < sum(minutes[:30]) * MINUTE < DAY + 2 * HOUR
    assert {retry_delay(tries, is_in_doubt=False) for tries in range(30, 99)} == {HOUR}


# For any history

some_ways = st.lists(st.sampled_from([*ALL, Candidate("c", "ews")]), unique=True, max_size=5)
some_tries = st.lists(
    st.builds(
        tried,
        st.sampled_from([*ALL, Candidate("gone", "graph")]),
        st.sampled_from([REFUSED, NOT_LEFT, DOUBTFUL, LOST]),
        st.integers(-6000, 0),
        st.integers(0, 3),
        has_draft=st.booleans(),
    ),
    max_size=12,
).map(lambda found: sorted(found, key=lambda one: one.at))
some_others = st.lists(
    st.builds(tried, st.sampled_from(ALL), st.sampled_from(list(Evidence)), st.integers(-6000, 6000)), max_size=12
)


@settings(max_examples=400, deadline=None)
@given(some_tries, some_others, some_ways, st.integers(0, 3), st.booleans())
def test_it_never_ends(
    history: list[PastAttempt], others: list[PastAttempt], ways: list[Candidate], walk: int, is_refused: bool
) -> None:
    health = RouteHealth([*history, *others])
    way = choose_route(history, ways, health, walk=walk, now=NOW)
    assert way is None or (way in ways and way.key not in {one.key for one in history if one.walk == walk})
    again = next_attempt_time(history, ways, health, walk=walk, now=NOW, is_refused=is_refused)
    assert NOW < again <= NOW + LONGEST_WAIT_IN_DOUBT
    if is_refused or not ways:
        assert again <= NOW + LONGEST_WAIT


@settings(max_examples=400, deadline=None)
@given(some_tries, some_others, some_ways, st.integers(0, 3))
def test_uncertain_delivery_prefers_clear_routes_after_one_repeat(
    history: list[PastAttempt], others: list[PastAttempt], ways: list[Candidate], walk: int
) -> None:
    health = RouteHealth([*history, *others])
    doubts = [one for one in history if one.evidence in UNCERTAIN_EVIDENCE]
    seen = {one.key for one in history if one.walk == walk}
    clear = [way for way in ways if way.key not in seen and health.outage(way, NOW) is None]
    way = choose_route(history, ways, health, walk=walk, now=NOW)
    if way and clear and len(doubts) > 1:
        assert way in clear
    if way and clear and len(doubts) == 1:
        assert way in clear or way.key == doubts[0].key


@settings(max_examples=400, deadline=None)
@given(some_tries, some_others, some_ways, st.integers(0, 3))
def test_the_last_resort_comes_after_every_clear_route(
    history: list[PastAttempt], others: list[PastAttempt], ways: list[Candidate], walk: int
) -> None:
    health = RouteHealth([*history, *others])
    doubts = [one for one in history if one.evidence in UNCERTAIN_EVIDENCE]
    way = choose_route(history, ways, health, walk=walk, now=NOW)
    if way and way.is_last_resort and not (len(doubts) == 1 and doubts[0].key == way.key):
        seen = {one.key for one in history if one.walk == walk}
        left = [other for other in ways if other.key not in seen and not other.is_last_resort]
        assert all(health.outage(other, NOW) for other in left) or health.outage(way, NOW)


# A delivery's life by the rule alone

Answers = Callable[[Candidate, datetime], Evidence]


def lived(ways: Sequence[Candidate], answers: Answers, until: timedelta = timedelta(days=10)) -> list[PastAttempt]:
    """All attempts of one delivery until it is accepted, each answered after ten seconds."""
    now, walk, history, health = NOW, 0, list[PastAttempt](), RouteHealth()
    while now < NOW + until:
        way = choose_route(history, ways, health, walk=walk, now=now)
        if way is None:
            is_refused = any(one.walk == walk and one.evidence in (REFUSED, NOT_LEFT) for one in history)
            now = next_attempt_time(history, ways, health, walk=walk, now=now, is_refused=is_refused)
            walk += 1
            continue
        now += timedelta(seconds=10)
        one = PastAttempt(way.key, way.endpoint, answers(way, now - timedelta(seconds=10)), now, walk)
        history.append(one)
        health.add(one)
        if one.evidence == ACCEPTED:
            return history
    raise AssertionError("never accepted")


OUTAGES = [MINUTE, 5 * MINUTE, HOUR, 2 * DAY]


@pytest.mark.parametrize("lasts", OUTAGES, ids=str)
@pytest.mark.parametrize("evidence", [REFUSED, NOT_LEFT, DOUBTFUL], ids=lambda one: one.value)
@pytest.mark.parametrize(
    "ways", [[A], [A, B], [RELAY], [A, RELAY, CHANNEL]], ids=lambda ways: "+".join(w.key for w in ways)
)
def test_where_everything_is_out_it_leaves_soon_after(
    ways: list[Candidate], evidence: Evidence, lasts: timedelta
) -> None:
    history = lived(ways, lambda _way, at: ACCEPTED if at >= NOW + lasts else evidence)
    late = history[-1].at - (NOW + lasts)
    assert late <= max(2 * MINUTE, min(lasts, LONGEST_WAIT_IN_DOUBT)) * 1.3
    if evidence != DOUBTFUL:
        assert late <= LONGEST_WAIT + 2 * MINUTE
    # Each doubtful try can be a copy: few.
    doubts = sum(one.evidence == DOUBTFUL for one in history)
    assert doubts <= len(ways) * (4 if lasts <= 5 * MINUTE else 8 if lasts <= HOUR else 40)


@pytest.mark.parametrize("lasts", OUTAGES, ids=str)
@pytest.mark.parametrize("door", ["graph", "relay"])
def test_uncertain_endpoint_is_bypassed_within_two_minutes(door: str, lasts: timedelta) -> None:
    ways = [A, B, RELAY] if door == "graph" else [RELAY, A]
    history = lived(ways, lambda way, at: DOUBTFUL if way.endpoint == door and at < NOW + lasts else ACCEPTED)
    assert history[-1].at <= NOW + 2 * MINUTE
    assert sum(one.evidence == DOUBTFUL for one in history) <= 2
    assert history[0].key == history[1].key  # the same route once more


answer_spans = st.lists(
    st.tuples(
        st.integers(1, 3000), st.dictionaries(st.sampled_from("ab"), st.sampled_from([REFUSED, NOT_LEFT, DOUBTFUL]))
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(answer_spans)
def test_any_delivery_is_accepted_in_the_end(
    spans: list[tuple[int, dict[str, Evidence]]],
) -> None:
    def answers(way: Candidate, at: datetime) -> Evidence:
        ends = NOW
        for minutes, found in spans:
            ends += minutes * MINUTE
            if at < ends:
                return found.get(str(way.key), ACCEPTED)
        return ACCEPTED

    history = lived([A, B], answers, until=timedelta(days=40))
    over = NOW + sum((minutes for minutes, _found in spans), 0) * MINUTE
    assert history[-1].at <= over + LONGEST_WAIT_IN_DOUBT + MINUTE


def test_a_first_doubt_is_left_alone_and_nothing_else() -> None:
    health = RouteHealth([tried(A, DOUBTFUL, walk=9)])
    assert must_wait([tried(A, DOUBTFUL, walk=9)], health, walk=9, now=NOW)
    assert not must_wait([tried(A, DOUBTFUL, walk=8)], health, walk=9, now=NOW)
    assert not must_wait([tried(A, REFUSED, walk=9)], health, walk=9, now=NOW)
    assert not must_wait([], health, walk=9, now=NOW)
