"""Lifetime bar of a credential: start, now and expiry as numbers for a server-rendered SVG."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.dashboard.ui.badges import badge_of_expiry
from alertadmin.registry.models import Credential

WIDTH = 1000
ASSUMED = timedelta(days=730)
"""Lifetime assumed if the start date is unknown: the portal's maximum."""
URGENCIES = {"danger": "bad", "warning": "warn"}


@dataclass(frozen=True)
class LifetimeBar:
    """`spent` and `left` add up to WIDTH until expiry; `urgency` is a CSS class."""

    spent: int
    left: int
    urgency: str

    @classmethod
    def of(cls, credential: Credential, now: datetime) -> LifetimeBar:
        start = credential.starts_at or min(credential.expires_at - ASSUMED, now)
        whole = max(credential.expires_at - start, timedelta(seconds=1))
        spent = round(WIDTH * min(max((now - start) / whole, 0), 1))
        return cls(spent, WIDTH - spent, URGENCIES.get(badge_of_expiry(credential, now).colour, ""))
