"""The table: medians and ratios of the samples, compared with an aim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.timing import Times


@dataclass(frozen=True)
class Spread:
    """A median with the minimum and the maximum."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        return cls(median(samples), min(samples), max(samples))

    def as_text(self, form: Callable[[float], str]) -> str:
        if self.least == self.most:
            return form(self.median)
        return f"{form(self.median)} ({form(self.least)}–{form(self.most)})"


@dataclass(frozen=True)
class Aim:
    """What a row should reach; None means no aim."""

    ratio_at_most: float | None = None
    """alertadmin's time divided by the baseline's."""
    ratio_at_least: float | None = None
    """alertadmin's rate divided by the baseline's."""
    seconds_at_most: float | None = None
    """alertadmin's time, independent of the baseline."""
    queries_at_most: int | None = None
    megabytes_at_most: float | None = None
    """Peak memory of the process that does the work."""
    same_queries: bool = False
    """The same number of queries for any number of rows."""

    def as_text(self) -> str:
        parts = [
            f"≤ {self.ratio_at_most:g}x" if self.ratio_at_most is not None else "",
            f"≥ {self.ratio_at_least:g}x" if self.ratio_at_least is not None else "",
            f"≤ {duration(self.seconds_at_most)}" if self.seconds_at_most is not None else "",
            f"≤ {self.queries_at_most} queries" if self.queries_at_most is not None else "",
            f"≤ {self.megabytes_at_most:g} MB" if self.megabytes_at_most is not None else "",
            "equal queries" if self.same_queries else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class ReportRow:
    """One row of the table. If a sample has more than one operation, rates are shown, and the ratio is of rates."""

    name: str
    bare: str
    """A description of the baseline."""
    times: Times
    aim: Aim
    operations: int = 1
    queries: tuple[int, ...] = ()
    """Numbers of queries at growing numbers of rows."""
    note: str = ""
    megabytes: float | None = None

    @property
    def ratio(self) -> Spread | None:
        """The ratio of each repeat's two sides: of times for one operation, of rates for many."""
        pairs = list(zip(self.times.ours, self.times.bare, strict=True)) if self.times.bare else []
        ratios = [ours / bare if self.operations == 1 else bare / ours for ours, bare in pairs]
        return Spread.of(ratios) if ratios else None

    @property
    def met(self) -> bool:
        """The ratio of the medians."""
        aim, ratio = self.aim, self.ratio
        if aim.ratio_at_most is not None and not (ratio and ratio.median <= aim.ratio_at_most):
            return False
        if aim.ratio_at_least is not None and not (ratio and ratio.median >= aim.ratio_at_least):
            return False
        if aim.seconds_at_most is not None and median(self.times.ours) > aim.seconds_at_most:
            return False
        if aim.queries_at_most is not None and not (self.queries and max(self.queries) <= aim.queries_at_most):
            return False
        if aim.megabytes_at_most is not None and not (self.megabytes and self.megabytes <= aim.megabytes_at_most):
            return False
        return not aim.same_queries or len(set(self.queries)) == 1

    def cells(self) -> tuple[str, ...]:
        ratio = self.ratio
        return (
            self.name,
            self._shown(self.times.ours),
            self._shown(self.times.bare) if self.times.bare else "",
            ratio.as_text(lambda value: f"{value:.2f}") if ratio else "",
            self.aim.as_text(),
            ("yes" if self.met else "NO") if self.aim != Aim() else "",
            "; ".join(part for part in (self.bare, _queries(self.queries), self._memory(), self.note) if part),
        )

    def _memory(self) -> str:
        return f"{self.megabytes:.0f} MB" if self.megabytes is not None else ""

    def _shown(self, samples: Sequence[float]) -> str:
        if self.operations == 1:
            return Spread.of(samples).as_text(duration)
        return Spread.of([self.operations / sample for sample in samples]).as_text(lambda value: f"{value:,.0f}/s")

    def as_dict(self) -> dict[str, Any]:
        ratio = self.ratio
        return {
            "name": self.name,
            "bare": self.bare,
            "operations": self.operations,
            "ours_seconds": self.times.ours,
            "bare_seconds": self.times.bare,
            "ratio": {"median": ratio.median, "min": ratio.least, "max": ratio.most} if ratio else None,
            "queries": self.queries,
            "megabytes": self.megabytes,
            "aim": self.aim.as_text(),
            "met": self.met,
            "note": self.note,
        }


HEADINGS = ("", "ours", "bare limit", "ratio", "aim", "met", "the bare limit is; also")


def as_text(rows: Sequence[ReportRow]) -> str:
    """Return the table: one line a row, with median (least–most) in each cell."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def duration(seconds: float) -> str:
    """Format a duration in the unit that gives one to four digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    raise AssertionError(seconds)


def _queries(queries: Sequence[int]) -> str:
    if not queries:
        return ""
    if len(set(queries)) == 1:
        return f"{queries[0]} queries" if len(queries) == 1 else f"{queries[0]} queries at each size"
    return f"{', '.join(map(str, queries))} queries as it grows"
