"""Stored times in the future come from a fast clock and are not trusted: they must neither block anything until then,
nor keep anything open."""

from __future__ import annotations

from datetime import datetime, timedelta

CLOCKS_DIFFER = timedelta(minutes=5)
"""Max difference between the clocks of two machines. A time further ahead was written by a wrong clock."""


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Whether the time of a past event lies in the future by more than CLOCKS_DIFFER. No I/O."""
    return moment > now + CLOCKS_DIFFER
