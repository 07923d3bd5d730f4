"""Takes times of two sides in turns, so that whatever else the machine does meets both alike."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from django.db import connection


def _nothing() -> None:
    """There is nothing to make ready or to clear up."""


@dataclass(frozen=True)
class Side:
    """What is timed; what makes it ready each time, and what clears up after it (which are not)."""

    run: Callable[[], object]
    before: Callable[[], object] = _nothing
    after: Callable[[], object] = _nothing

    def seconds(self) -> float:
        self.before()
        gc.collect()
        began = perf_counter()
        try:
            self.run()
            return perf_counter() - began
        finally:
            self.after()


class InSql(Side):
    """Times what the database does with the statements alone: neither what makes them, nor the commit."""

    def seconds(self) -> float:
        passed: list[float] = []

        def timed(execute: Callable[..., object], *call: object) -> object:
            began = perf_counter()
            try:
                return execute(*call)
            finally:
                passed.append(perf_counter() - began)

        with connection.execute_wrapper(timed):
            super().seconds()
        return sum(passed)


@dataclass(frozen=True)
class Times:
    """Seconds of each repeat; the same place in both is the same moment. `bare` is empty where there is no limit."""

    ours: tuple[float, ...]
    bare: tuple[float, ...] = ()


def interleaved(ours: Side, bare: Side, repeats: int) -> Times:
    """One run of each that does not count, then A B, B A, A B, …"""
    sides = (ours, bare)
    for side in sides:
        side.seconds()
    taken: dict[Side, list[float]] = {ours: [], bare: []}
    for number in range(repeats):
        for side in sides if number % 2 == 0 else reversed(sides):
            taken[side].append(side.seconds())
    return Times(tuple(taken[ours]), tuple(taken[bare]))
