"""Write a repeated warning of a library, such as one for each failed connection, once a minute with a count."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds within which the same message is written once."""
MOST_REMEMBERED = 500
NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass
class _Seen:
    since: float
    repeated: int = 0


class RepeatFilter(logging.Filter):
    """Pass the first of several equal warnings or errors; the first after `WINDOW` has the number of those left out.

    Messages that differ in numbers only are equal ("trying again in 2.00 seconds"). Events are never left out: each has
    its own limit.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int, str], _Seen] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or hasattr(record, "event"):
            return True
        now, key = self._clock(), _key(record)
        seen = self._seen.get(key)
        if seen and now - seen.since < WINDOW:
            seen.repeated += 1
            return False
        if seen and seen.repeated:
            record.repeated = seen.repeated
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen[key] = _Seen(now)
        return True


def _key(record: logging.LogRecord) -> tuple[str, int, str]:
    try:
        message = record.getMessage()
    except Exception:
        message = str(record.msg)
    kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    return record.name, record.levelno, NUMBERS.sub("#", f"{message[:300]} {kind}")
