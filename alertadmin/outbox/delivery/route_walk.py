"""The routes that one claim of a delivery has tried, and the delivery's earlier attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.delivery.retry_rule import PastAttempt
from alertadmin.outbox.delivery.routes import RouteKey
from alertadmin.outbox.models import Attempt, Delivery
from mailer.errors import SendError


@dataclass
class RouteWalk:
    id: UUID | None = None
    """The claim's owner token."""
    history: list[PastAttempt] = field(default_factory=list)
    """All finished attempts of the delivery, oldest first."""
    is_asked_for: bool = False
    """A user asked to send the delivery now."""
    failures: list[SendError] = field(default_factory=list)
    """Failures of this walk, including uncertain answers."""
    refused: set[RouteKey] = field(default_factory=set)
    """Routes that clearly failed in this walk."""
    seen: set[RouteKey] = field(default_factory=set)
    """Routes that were tried in this walk, or were busy."""
    busy_until: list[datetime] = field(default_factory=list)

    @classmethod
    def of(cls, delivery: Delivery) -> RouteWalk:
        """The walk of a claimed delivery."""
        before = route_health.history(delivery) if delivery.tries else []
        return cls(delivery.owner, before, is_asked_for=delivery.reason == messages.SEND_NOW)

    def add(self, attempt: Attempt) -> None:
        self.history.append(route_health.to_past_attempt(attempt))
