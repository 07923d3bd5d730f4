"""Stored times are not believed from the future: a clock that ran ahead for a moment must not stop anything for as long
as it ran ahead, nor keep anything open."""

from __future__ import annotations

from datetime import datetime, timedelta

CLOCKS_DIFFER = timedelta(minutes=5)
"""By which the clocks of two machines that work together may differ. What is dated further ahead was written by a clock
that was wrong."""


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Whether a time at which something was done cannot be true. Pure."""
    return moment > now + CLOCKS_DIFFER
