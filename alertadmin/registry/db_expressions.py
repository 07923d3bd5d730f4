"""A database expression that finds which of many time spans a column's value is in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import F, Func, IntegerField


class QueryStep(Func):
    """The number of the first step whose last moment is not before `moment`.

    `steps` are pairs (last moment of the step, its number), sorted. A moment later than all of them has the number of
    the last step. The SQL is a binary tree of CASE: for the 530 weeks of ten years it compares ten times.
    """

    output_field = IntegerField()

    def __init__(self, moment: str | F, steps: Sequence[tuple[datetime, int]]) -> None:
        super().__init__(moment)
        self.steps = tuple(steps)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        moment, parameters = compiler.compile(self.source_expressions[0])
        text, order = _tree(moment, tuple(number for _last, number in self.steps))
        stored = [connection.ops.adapt_datetimefield_value(last) for last, _number in self.steps]
        return text, [value for position in order for value in (*parameters, stored[position])]


@lru_cache(maxsize=8)
def _tree(moment: str, numbers: tuple[int, ...]) -> tuple[str, list[int]]:
    """The SQL, and the indexes of the steps whose last moments are its parameters, in its order."""
    order: list[int] = []

    def branch(first: int, beyond: int) -> str:
        if beyond - first == 1:
            return str(int(numbers[first]))
        middle = (first + beyond + 1) // 2
        order.append(middle - 1)
        return f"CASE WHEN {moment} <= %s THEN {branch(first, middle)} ELSE {branch(middle, beyond)} END"

    return branch(0, len(numbers)), order
