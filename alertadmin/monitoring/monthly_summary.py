"""The figures of the monthly mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import Credential
from alertadmin.reminders.scan import scanner

PERIOD = timedelta(days=31)


@dataclass(frozen=True)
class MonthlySummary:
    watched: int
    expired: int
    next: Credential | None
    """The credential that expires next."""
    people: int
    """Number of recipients notified within the last month."""
    mails: int
    """Number of messages sent to them."""
    lost: int
    """Messages of the last month that failed, or may have."""
    without_recipients: int


def summarize_month(now: datetime) -> MonthlySummary:
    watched = Credential.objects.watched()
    recent = Delivery.objects.filter(purpose=Purpose.REMINDER, created_at__gt=now - PERIOD).order_by()
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
        without_recipients=scanner.without_recipients(now).count(),
    )
