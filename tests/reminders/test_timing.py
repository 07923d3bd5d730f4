"""When within the day and the week a reminder leaves, and never too late."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from alertadmin.reminders.plan import DEFAULT
from alertadmin.reminders.rules import next_mark, owed
from alertadmin.reminders.timing import ALL_DAYS, Digest, Timing, send_at

PARIS = ZoneInfo("Europe/Paris")
NIGHT = (time(20), time(7))
OFFICE = frozenset({1, 2, 3, 4, 5})
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=PARIS)


def leaves(timing: Timing, now: datetime, threshold: int = 30) -> datetime:
    """Of a reminder that has just fallen due."""
    expires_at = now + timedelta(days=threshold)
    return send_at(timing, now, threshold, next_mark(expires_at, threshold), expires_at).astimezone(PARIS)


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
    """One day before the end, on a Friday evening: Monday is past the end."""
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
    threshold = owed(expires_at, now)
    if threshold is None:
        return
    following = next_mark(expires_at, threshold, DEFAULT)
    at = send_at(timing, now, threshold, following, expires_at)
    assert at >= now
    assert at == now or at < (min(following, expires_at) if expires_at > now else following)
    if at > now:
        local = at.astimezone(timing.zone)
        assert local.isoweekday() in timing.working_days
