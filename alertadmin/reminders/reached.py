"""The rule's marks as the database reads them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db.models import F, Func, IntegerField

from alertadmin.reminders.rules import Mark


class Reached(Func):
    """The threshold of the first mark whose cutoff an end is not after. `marks` are sorted by cutoff; the last one's
    counts for every later end too.

    Written as a tree: of the 530 marks that the weeks of ten years make, ten are compared, not all.
    """

    output_field = IntegerField()

    def __init__(self, end: str | F, marks: Sequence[Mark]) -> None:
        super().__init__(end)
        self.marks = tuple(marks)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        end, parameters = compiler.compile(self.source_expressions[0])
        text, order = _tree(end, tuple(mark.threshold for mark in self.marks))
        stored = [connection.ops.adapt_datetimefield_value(mark.cutoff) for mark in self.marks]
        return text, [value for place in order for value in (*parameters, stored[place])]


@lru_cache(maxsize=8)
def _tree(end: str, thresholds: tuple[int, ...]) -> tuple[str, list[int]]:
    """The text, and the places of the marks whose cutoffs go into it, in its order."""
    order: list[int] = []

    def branch(first: int, beyond: int) -> str:
        if beyond - first == 1:
            return str(int(thresholds[first]))
        middle = (first + beyond + 1) // 2
        order.append(middle - 1)
        return f"CASE WHEN {end} <= %s THEN {branch(first, middle)} ELSE {branch(middle, beyond)} END"

    return branch(0, len(thresholds)), order
