"""How it stands, in numbers: what the monthly mail tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import Credential
from alertadmin.reminders.scan import scanner

LOOKED_BACK = timedelta(days=31)


@dataclass(frozen=True)
class MonthlySummary:
    watched: int
    expired: int
    next: Credential | None
    """Whatever ends first from now on."""
    people: int
    """So many were told of something within the last month."""
    mails: int
    """How many messages that took."""
    lost: int
    """Messages of the last month that certainly or possibly arrived nowhere."""
    owed_to_nobody: int


def summarize_month(now: datetime) -> MonthlySummary:
    watched = Credential.objects.watched()
    recent = Delivery.objects.filter(purpose=Purpose.REMINDER, created_at__gt=now - LOOKED_BACK).order_by()
    sent = recent.filter(state=DeliveryState.SENT)
    lost = recent.filter(state__in=(DeliveryState.FAILED, DeliveryState.UNCERTAIN)).exclude(settled_at=None)
    ahead = watched.filter(expires_at__gt=now).select_related("app__tenant").defer("value", "certificate")
    return MonthlySummary(
        watched=watched.count(),
        expired=watched.filter(expires_at__lte=now).count(),
        next=ahead.order_by("expires_at", "pk").first(),
        people=sent.values("recipient").distinct().count(),
        mails=sent.count(),
        lost=lost.count(),
        owed_to_nobody=scanner.without_recipients(now).count(),
    )
