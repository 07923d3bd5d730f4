"""The pure rule: which threshold a credential has reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reminders.rules.reference_rule import due_threshold

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ends = st.timedeltas(min_value=timedelta(days=-3000), max_value=timedelta(days=800)).map(lambda ahead: NOW + ahead)


@pytest.mark.parametrize(
    ("ahead", "threshold"),
    [
        (timedelta(days=90, seconds=1), None),
        (timedelta(days=90), 90),
        (timedelta(days=61), 90),
        (timedelta(days=60), 60),
        (timedelta(days=7), 7),
        (timedelta(hours=25), 3),
        (timedelta(hours=1), 1),
        (timedelta(0), 0),
        (timedelta(days=-6), 0),
        (timedelta(days=-7), -7),
        (timedelta(days=-20), -14),
    ],
)
def test_nearest_reached_threshold_is_due(ahead: timedelta, threshold: int | None) -> None:
    assert due_threshold(NOW + ahead, NOW) == threshold


@given(ends, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_time_only_moves_a_credential_to_nearer_thresholds(end: datetime, later: timedelta) -> None:
    before, after = due_threshold(end, NOW), due_threshold(end, NOW + later)
    assert before is None or (after is not None and after <= before)


@given(ends)
def test_expired_credential_has_a_weekly_reminder(end: datetime) -> None:
    if end < NOW - timedelta(days=7):
        assert due_threshold(end, NOW) != due_threshold(end, NOW + timedelta(days=7))
        assert due_threshold(end, NOW) == due_threshold(
            end, NOW + timedelta(days=7) - ((NOW - end) % timedelta(days=7)) - timedelta(seconds=1)
        )
