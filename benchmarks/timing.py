"""Measure two sides alternately, so that other load on the machine affects both alike."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from django.db import connection


def _nothing() -> None:
    """Do nothing: the default of `before` and `after`."""


@dataclass(frozen=True)
class Side:
    """A timed function, and untimed ones that run before and after it each time."""

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
    """Measure the database's time for the statements only, without building them and without the commit."""

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
    """Seconds of each repeat; equal indexes were measured together. `bare` is empty without a baseline."""

    ours: tuple[float, ...]
    bare: tuple[float, ...] = ()


def interleaved(ours: Side, bare: Side, repeats: int) -> Times:
    """Run each side once without counting it, then A B, B A, A B, …"""
    sides = (ours, bare)
    for side in sides:
        side.seconds()
    taken: dict[Side, list[float]] = {ours: [], bare: []}
    for number in range(repeats):
        for side in sides if number % 2 == 0 else reversed(sides):
            taken[side].append(side.seconds())
    return Times(tuple(taken[ours]), tuple(taken[bare]))
