"""The forecast says ahead what the rule will say then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from alertadmin.reminders.rules.forecast import upcoming
from alertadmin.reminders.rules.schedule import MAX_REPEAT_PERIOD, ReminderSchedule
from tests.reminders.rules.reference_rule import due_threshold

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
ends = st.one_of(
    st.timedeltas(-timedelta(days=60), timedelta(days=800)),
    st.timedeltas(-MAX_REPEAT_PERIOD - timedelta(days=30), -MAX_REPEAT_PERIOD + timedelta(days=30)),
).map(lambda ahead: NOW + ahead)
plans = st.builds(
    ReminderSchedule,
    st.lists(st.integers(0, 120), min_size=1, max_size=9, unique=True).map(
        lambda days: tuple(sorted(days, reverse=True))
    ),
    st.integers(1, 30),
)


@settings(deadline=None)
@given(ends, plans)
def test_each_reminder_is_due_at_the_forecast_time(end: datetime, plan: ReminderSchedule) -> None:
    for one in upcoming(end, NOW, plan):
        assert one.at > NOW
        assert due_threshold(end, one.at, plan) == one.threshold
        assert due_threshold(end, one.at - INSTANT, plan) != one.threshold


@settings(deadline=None)
@given(ends, plans)
def test_nothing_is_due_in_between(end: datetime, plan: ReminderSchedule) -> None:
    forecast = upcoming(end, NOW, plan)
    if not forecast:
        assert NOW - end > MAX_REPEAT_PERIOD - timedelta(days=plan.repeat)
        return
    assert due_threshold(end, forecast[0].at - INSTANT, plan) == due_threshold(end, NOW, plan)
    for one, following in pairwise(forecast):
        assert due_threshold(end, following.at - INSTANT, plan) == one.threshold


def test_a_secret_that_lives_is_told_of_by_each_threshold_ahead_and_an_ended_one_weekly() -> None:
    assert [one.threshold for one in upcoming(NOW + timedelta(days=10), NOW)] == [7, 3, 1, 0]
    assert [one.threshold for one in upcoming(NOW - timedelta(days=10), NOW)] == [-14, -21, -28]
    assert upcoming(NOW - MAX_REPEAT_PERIOD - timedelta(days=1), NOW) == []
