"""When within the day and the week a reminder leaves, and never too late."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from alertadmin.reminders.rules.delivery_window import ALL_DAYS, Digest, Timing, send_at
from alertadmin.reminders.rules.schedule import DEFAULT, next_cutoff
from tests.reminders.rules.reference_rule import due_threshold

PARIS = ZoneInfo("Europe/Paris")
NIGHT = (time(20), time(7))
OFFICE = frozenset({1, 2, 3, 4, 5})
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=PARIS)


def leaves(timing: Timing, now: datetime, threshold: int = 30) -> datetime:
    """Of a reminder that has just fallen due."""
    expires_at = now + timedelta(days=threshold)
    return send_at(timing, now, threshold, next_cutoff(expires_at, threshold), expires_at).astimezone(PARIS)


def test_without_any_times_it_leaves_at_once() -> None:
    assert leaves(Timing(PARIS), MONDAY_NOON) == MONDAY_NOON


def test_at_night_it_waits_for_the_morning() -> None:
    night = Timing(PARIS, *NIGHT)
    assert leaves(night, MONDAY_NOON.replace(hour=23)) == datetime(2026, 11, 24, 7, tzinfo=PARIS)
    assert leaves(night, MONDAY_NOON.replace(hour=3)) == datetime(2026, 11, 23, 7, tzinfo=PARIS)
    assert leaves(night, MONDAY_NOON) == MONDAY_NOON


def test_on_a_day_off_it_waits_for_the_next_working_day_s_morning() -> None:
    saturday = datetime(2026, 11, 28, 12, tzinfo=PARIS)
    assert leaves(Timing(PARIS, *NIGHT, working_days=OFFICE), saturday) == datetime(2026, 11, 30, 7, tzinfo=PARIS)


def test_digests_leave_daily_or_on_the_week_s_first_working_day() -> None:
    daily = Timing(PARIS, digest=Digest.DAILY, digest_at=time(8))
    weekly = Timing(PARIS, working_days=OFFICE, digest=Digest.WEEKLY, digest_at=time(8))
    assert leaves(daily, MONDAY_NOON) == datetime(2026, 11, 24, 8, tzinfo=PARIS)
    assert leaves(weekly, MONDAY_NOON, threshold=60) == datetime(2026, 11, 30, 8, tzinfo=PARIS)


def test_in_the_last_week_nothing_waits_for_a_digest() -> None:
    assert leaves(Timing(PARIS, digest=Digest.WEEKLY), MONDAY_NOON, threshold=7) == MONDAY_NOON


def test_what_has_just_ended_waits_for_nothing() -> None:
    at_night = MONDAY_NOON.replace(hour=2)
    assert leaves(Timing(PARIS, *NIGHT, working_days=OFFICE), at_night, threshold=0) == at_night


def test_what_would_come_too_late_leaves_at_once() -> None:
    """One day before the expiry, on a Friday evening: Monday is past the expiry."""
    friday = datetime(2026, 11, 27, 21, tzinfo=PARIS)
    assert leaves(Timing(PARIS, *NIGHT, working_days=OFFICE), friday, threshold=1) == friday


MOMENTS = st.timedeltas(timedelta(0), timedelta(days=2000)).map(
    lambda passed: datetime(2024, 1, 1, tzinfo=UTC) + passed
)
timings = st.builds(
    Timing,
    st.sampled_from([PARIS, ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Kiritimati"), ZoneInfo("UTC")]),
    st.times(),
    st.times(),
    st.frozensets(st.sampled_from(sorted(ALL_DAYS)), min_size=1),
    st.sampled_from(list(Digest)),
    st.times(),
)


@given(timings, MOMENTS, st.integers(-60 * 24, 95 * 24))
def test_it_is_never_early_and_never_past_the_last_useful_moment(timing: Timing, now: datetime, hours: int) -> None:
    expires_at = now + timedelta(hours=hours)
    threshold = due_threshold(expires_at, now)
    if threshold is None:
        return
    following = next_cutoff(expires_at, threshold, DEFAULT)
    at = send_at(timing, now, threshold, following, expires_at)
    assert at >= now
    assert at == now or at < (min(following, expires_at) if expires_at > now else following)
    if at > now:
        local = at.astimezone(timing.zone)
        assert local.isoweekday() in timing.working_days


MINUTES = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))
ZONES = sorted(available_timezones() - {"localtime", "Factory"})


@cache
def transitions(zone: ZoneInfo) -> list[datetime]:
    """The hours of 2024 to 2030 in which its clocks are put forward or back."""
    hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(7 * 365)]
    days = [
        day for day, after in pairwise(hours) if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
    ]
    return days or hours[:1]


@given(st.data(), st.sampled_from(ZONES), MINUTES)
@settings(max_examples=300)
def test_where_clocks_are_put_forward_or_back_each_day_has_one_digest(
    data: st.DataObject, name: str, digest_at: time
) -> None:
    """Half past two may come twice, or not at all; in some zones midnight does."""
    zone = ZoneInfo(name)
    timing = Timing(zone, digest=Digest.DAILY, digest_at=digest_at)
    now = data.draw(st.sampled_from(transitions(zone))) - timedelta(days=1)
    end, slots = now + timedelta(days=4), set()
    while now < end:
        slot = send_at(timing, now, 60, now + timedelta(days=30), now + timedelta(days=60))
        assert now <= slot <= now + timedelta(hours=50)
        slots.add(slot)
        now += timedelta(minutes=15)
    # Not by their dates: where a day ends in the hour that is left out (Nuuk, 2024-03-30), its digest comes as the next
    # day begins, which has its own in the evening.
    assert all(after - before >= timedelta(hours=20) for before, after in pairwise(sorted(slots)))


@given(st.data(), st.sampled_from(ZONES), MINUTES, MINUTES)
@settings(max_examples=200)
def test_quiet_hours_are_quiet_in_every_zone(
    data: st.DataObject, name: str, quiet_from: time, quiet_until: time
) -> None:
    zone = ZoneInfo(name)
    now = data.draw(st.sampled_from(transitions(zone))) + data.draw(st.timedeltas(timedelta(0), timedelta(days=1)))
    at = send_at(Timing(zone, quiet_from, quiet_until), now, 60, now + timedelta(days=30), now + timedelta(days=60))
    assert now <= at <= now + timedelta(hours=25)
    clock = at.astimezone(zone).time()
    if quiet_from > quiet_until:
        assert quiet_until <= clock < quiet_from
    elif quiet_from < quiet_until:
        assert not quiet_from <= clock < quiet_until
