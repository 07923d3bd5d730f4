"""Plays cells one after another and prints a line for each as it comes."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tests.outages.cells import Cell, play
from tests.outages.provider import Provider
from tests.outages.scenario import BEGIN, Verdict
from tests.outbox.fake_clock import Time

WIDTH = 92


def print_table(cells: Sequence[Cell], *, broken_only: bool) -> int:
    """Returns the exit code: 1 if a promise was broken in any cell."""
    began, clock = time.monotonic(), Time(BEGIN)
    owed, lost, copies, broken = 0, 0, 0, 0
    _print(f"{'answer · transport · other way · outage':<{WIDTH}}{'arrived':>9}{'late by':>10}{'copies':>8}\n")
    with tempfile.TemporaryDirectory(prefix="alertadmin-outages-") as folder, Provider(Path(folder), clock) as provider:
        for cell in cells:
            verdict = play(cell, provider, clock)
            is_broken = breaks(cell, verdict)
            owed, lost, copies = owed + verdict.owed, lost + verdict.lost, copies + verdict.copies
            broken += bool(is_broken)
            if is_broken or not broken_only:
                arrived, late = f"{verdict.arrived}/{verdict.owed}", in_words(verdict.late_by)
                _print(f"{cell.label:<{WIDTH}}{arrived:>9}{late:>10}{verdict.copies:>8}  {is_broken}\n")
    _print(f"\n{len(cells)} cells, {owed} messages: {lost} lost, {copies} copies. {broken} cells broken. ")
    _print(f"{time.monotonic() - began:.0f} s\n")
    return 1 if broken else 0


def breaks(cell: Cell, verdict: Verdict) -> str:
    """The violated part of the guarantee, in words; empty if there is none."""
    parts = {
        "lost": verdict.lost,
        "needless copies": verdict.needless,
        "copies that differ": verdict.unlike,
        "arrived and not marked as sent": verdict.unsettled,
        f"later than {in_words(cell.latest)}": int(verdict.late_by > cell.latest),
    }
    said = [f"{name} ({count})" for name, count in parts.items() if count]
    return f"BROKEN: {', '.join(said)}" if said else ""


def in_words(late: timedelta) -> str:
    """`0:30`, `1:02:30`."""
    minutes, seconds = divmod(round(late.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
