"""Time as an argument: a clock that only tests advance."""

from __future__ import annotations

from datetime import datetime, timedelta


class Time:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def passes(self, duration: timedelta | None = None, **parts: float) -> datetime:
        """`passes(minutes=5)`, or as the worker's `pause` a duration."""
        self.now += duration if duration is not None else timedelta(**parts)
        return self.now

    def pause(self, duration: timedelta) -> None:
        self.passes(duration)
