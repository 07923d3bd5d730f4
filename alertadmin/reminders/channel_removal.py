"""Takes a channel away: what waits for it is cancelled, and owed anew if nobody else is told of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alertadmin import audit
from alertadmin.audit import AuditAction, AuditTarget
from alertadmin.outbox import messages
from alertadmin.outbox.models import Channel, Delivery, DeliveryState
from alertadmin.reminders.compose.digest import drop_obsolete


@transaction.atomic
def remove(channel: Channel, now: datetime) -> None:
    """What a worker has just taken is cancelled by that worker, or has left."""
    waiting = Delivery.objects.filter(channel=channel, state=DeliveryState.PENDING)
    for delivery in waiting:
        drop_obsolete(delivery)
    waiting.update(state=DeliveryState.CANCELLED, settled_at=now, cause="", reason=messages.CHANNEL_REMOVED)
    gone = AuditTarget.of(channel)
    channel.delete()
    audit.record(AuditAction.CHANNEL_DELETED, gone, now=now)
