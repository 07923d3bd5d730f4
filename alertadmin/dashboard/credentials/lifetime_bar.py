"""A credential's life as a bar: from its start over now to its end. Numbers for an SVG made on the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.dashboard.ui.badges import badge_of_expiry
from alertadmin.registry.models import Credential

WIDTH = 1000
ASSUMED = timedelta(days=730)
"""Of a secret whose start nobody entered: the portal's longest life."""
URGENCIES = {"danger": "bad", "warning": "warn"}


@dataclass(frozen=True)
class LifetimeBar:
    """`spent` and `left` add up to WIDTH while it lives; `urgency` is a class of the style sheet."""

    spent: int
    left: int
    urgency: str

    @classmethod
    def of(cls, credential: Credential, now: datetime) -> LifetimeBar:
        start = credential.starts_at or min(credential.expires_at - ASSUMED, now)
        whole = max(credential.expires_at - start, timedelta(seconds=1))
        spent = round(WIDTH * min(max((now - start) / whole, 0), 1))
        return cls(spent, WIDTH - spent, URGENCIES.get(badge_of_expiry(credential, now).colour, ""))
