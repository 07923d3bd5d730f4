"""When a reminder is due, in SQL: the nearest threshold that each row has reached under its own schedule. Of several
missed ones only the last counts; after the expiry every `repeat` days is one (-7, -14, …).

The schedule is a value of the row, not text of the statement, so that neither the statement nor its cost grows with the
number of schedules. tests/reminders/rules/test_thresholds.py compares it with reference_rule.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, ExpressionWrapper, Func, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable

from alertadmin.reminders.rules.schedule import HEAD_START, MAX_REPEAT_PERIOD, ReminderSchedule

Sql = tuple[str, tuple[Any, ...]]

DAY = 86_400_000_000
"""In microseconds."""
OFFSET_DAYS = 4_000_000
"""Days; more than between any two moments. Added to make every quotient positive, so that all are rounded down."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DaysLeft(Func):
    """`schedule.days_left`, exact to the microsecond."""

    output_field = IntegerField()

    def __init__(self, end: str | Combinable, now: datetime) -> None:
        super().__init__(end)
        self.now = now

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        # Stored as text: "2026-11-23 08:00:00", or with ".123456" microseconds, which strftime would round.
        end, parameters = compiler.compile(self.source_expressions[0])
        seconds = f"CAST(strftime('%%s', substr({end}, 1, 19)) AS INTEGER)"
        return self._rounded_up(f"{seconds} * 1000000 + CAST(substr({end}, 21, 6) AS INTEGER)"), (*parameters,) * 2

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        end, parameters = compiler.compile(self.source_expressions[0])
        return self._rounded_up(f"(extract(epoch FROM {end}) * 1000000)::bigint"), (*parameters,)

    def _rounded_up(self, microseconds: str) -> str:
        shift = OFFSET_DAYS * DAY + DAY - 1 - (self.now - EPOCH) // timedelta(microseconds=1)
        return f"(({microseconds} + {shift}) / {DAY} - {OFFSET_DAYS})"


class Reached(Func):
    """The threshold reached with this many days `left` under a `plan` (its text); NULL while none is reached.

    Where `early` holds, the schedule is `ReminderSchedule.earlier`; with `at_most`, thresholds of more days are left
    out, and if none remains, `at_most` is the only one.
    """

    output_field = IntegerField()
    # The text below contains only numbers and names of this module; user data are columns or parameters.

    def __init__(
        self, left: Combinable, plan: Combinable, *, early: Combinable | None = None, at_most: int | None = None
    ) -> None:
        super().__init__(left, plan, early if early is not None else Value(False))
        self.at_most = at_most

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        # Without MATERIALIZED, SQLite would evaluate the schedule's subquery for each reference.
        given = "WITH given(days_left, plan, early) AS MATERIALIZED (SELECT {}, {}, {})"
        repeat = "CAST(substr(plan, instr(plan, '/') + 1) AS INTEGER)"
        days = "(SELECT value AS day FROM json_each('[' || substr(plan, 1, instr(plan, '/') - 1) || ']')) AS days"
        return self._compiled(compiler, f"({given} SELECT {self._threshold(repeat, days, 'min')} FROM given)")  # noqa: S608  # nosec B608

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        # OFFSET 0 keeps the planner from copying the schedule's subquery to each reference.
        given = "(SELECT {} AS days_left, {} AS plan, {} AS early OFFSET 0) AS given"
        repeat = "split_part(plan, '/', 2)::int"
        days = "unnest(string_to_array(split_part(plan, '/', 1), ',')::int[]) AS days(day)"
        return self._compiled(compiler, f"(SELECT {self._threshold(repeat, days, 'least')} FROM {given})")  # noqa: S608  # nosec B608

    def _threshold(self, repeat: str, days: str, least: str) -> str:
        """The current repetition if the expiry is past, else the nearest threshold before it."""
        nearest, where = "min(day) FILTER (WHERE day >= days_left)", ""
        first = f"CASE WHEN early AND days_left <= max(day) + {HEAD_START} THEN max(day) + {HEAD_START} END"
        if self.at_most is not None:
            where = f" WHERE day <= {self.at_most}"
            first = f"CASE WHEN count(day) = 0 AND days_left <= {self.at_most} THEN {self.at_most} END"
        past = f"{least}(-days_left, {MAX_REPEAT_PERIOD.days})"
        repeated = f"CASE WHEN days_left <= -({repeat}) THEN -({repeat}) * ({past} / ({repeat}))"
        return f"{repeated} ELSE (SELECT coalesce({nearest}, {first}) FROM {days}{where}) END"  # noqa: S608  # nosec B608

    def _compiled(self, compiler: Any, text: str) -> Sql:
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        return text.format(*(sql for sql, _ in parts)), tuple(value for _, some in parts for value in some)


def reached(
    end: str, now: datetime, plan: Combinable, *, only: ReminderSchedule | None = None, early: Q | None = None
) -> Combinable:
    """The threshold that the expiry (a field's name) has reached; NULL while none is.

    If `only` is the schedule of every row, the field is compared with constants, at a tenth of the cost per row: most
    scans check thousands of rows and find none. `early` selects the rows of `ReminderSchedule.earlier`.
    """
    by_row = Reached(
        DaysLeft(end, now), plan, early=None if early is None else ExpressionWrapper(early, BooleanField())
    )
    if only is None:
        return by_row
    moments = [
        When(**{f"{end}__lte": now + timedelta(days=days)}, then=Value(days)) for days in sorted(only.thresholds)
    ]
    repeated = When(**{f"{end}__lte": now - timedelta(days=only.repeat)}, then=by_row)
    earlier = [] if early is None else [When(early, then=by_row)]
    return Case(*earlier, repeated, *moments, default=None, output_field=IntegerField())


class EscalatesFrom(Func):
    """The days before the expiry from which a `plan` (its text) notifies the escalation level too."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        template = "json_extract('[[' || replace(%(expressions)s, '/', '],[') || ']]', '$[2][0]')"
        return super().as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        return super().as_sql(compiler, connection, template="split_part(%(expressions)s, '/', 3)::int", **context)
