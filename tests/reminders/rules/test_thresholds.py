"""What a query says of thresholds is what the pure rule says: to the microsecond, under any plan, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import BooleanField, CharField, DateTimeField, ExpressionWrapper, F, IntegerField, Q, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertadmin.registry.models import Credential
from alertadmin.reminders.rules import schedule
from alertadmin.reminders.rules.schedule import MAX_DAYS, ReminderSchedule
from alertadmin.reminders.rules.thresholds import DaysLeft, EscalatesFrom, Reached, reached
from tests.factories import Rows
from tests.reminders.rules.reference_rule import due_threshold, within

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY, MINUTE, TICK = timedelta(days=1), timedelta(minutes=1), timedelta(microseconds=1)

plans = st.builds(
    ReminderSchedule,
    st.sets(st.integers(0, MAX_DAYS), min_size=1, max_size=20).map(lambda days: tuple(sorted(days, reverse=True))),
    st.integers(1, 365),
    st.integers(7, MAX_DAYS),
)
moments = st.one_of(
    # Midnight, and the microseconds around it.
    st.builds(lambda days, ticks: NOW + days * DAY + ticks * TICK, st.integers(-5000, 4000), st.integers(-2, 2)),
    st.builds(lambda minutes: NOW + minutes * MINUTE, st.integers(-1_000_000_000, 4_000_000_000)),
)


@pytest.fixture
def row(rows: Rows) -> Credential:
    return rows.credential()


def asked(row: Credential, **expressions: Any) -> dict[str, Any]:
    return dict(Credential.objects.filter(pk=row.pk).annotate(**expressions).values(*expressions).get())


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(end=moments, plan=plans, early=st.booleans())
def test_a_query_says_what_the_rule_says(row: Credential, end: datetime, plan: ReminderSchedule, early: bool) -> None:
    Credential.objects.update(expires_at=end)
    text = Value(str(plan), output_field=CharField())
    sender = ExpressionWrapper(Q(app=row.app_id if early else None), BooleanField())
    left = DaysLeft("expires_at", NOW)
    found = asked(
        row,
        left=left,
        owed=Reached(left, text, early=sender),
        by_moments=reached("expires_at", NOW, text, only=plan, early=Q(app=row.app_id if early else None)),
        within=Reached(left, text, at_most=30),
        escalate=EscalatesFrom(text),
        next=F("expires_at"),
    )
    assert found["next"] == end
    assert found["left"] == schedule.days_left(end, NOW)
    assert found["owed"] == due_threshold(end, NOW, plan.earlier() if early else plan)
    assert found["by_moments"] == found["owed"]
    assert found["within"] == due_threshold(end, NOW, within(plan, 30))
    assert found["escalate"] == plan.escalate


@pytest.mark.parametrize(
    ("ends_in", "left"),
    [
        (timedelta(), 0),
        (TICK, 1),
        (-TICK, 0),
        (DAY, 1),
        (DAY + TICK, 2),
        (DAY - TICK, 1),
        (-DAY, -1),
        (-DAY + TICK, 0),
        (-DAY - TICK, -1),
    ],
    ids=str,
)
def test_days_left_are_rounded_up(row: Credential, ends_in: timedelta, left: int) -> None:
    Credential.objects.update(expires_at=NOW + ends_in)
    assert schedule.days_left(NOW + ends_in, NOW) == left
    assert asked(row, left=DaysLeft("expires_at", NOW)) == {"left": left}


def test_a_moment_that_is_no_column_is_asked_alike(row: Credential) -> None:
    end = Value(NOW + 3 * DAY, output_field=DateTimeField())
    assert asked(row, left=DaysLeft(end, NOW)) == {"left": 3}


def test_nothing_is_due_before_the_first_threshold(row: Credential) -> None:
    plan = Value(str(ReminderSchedule((30, 0))), output_field=CharField())
    assert asked(row, owed=Reached(Value(31, output_field=IntegerField()), plan)) == {"owed": None}
