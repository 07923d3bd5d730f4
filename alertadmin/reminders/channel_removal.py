"""Delete a channel: its waiting deliveries are cancelled, and their reminders become due again if they have no other
recipient."""

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
    """Delete the channel. A delivery that a worker has claimed is cancelled by that worker, or was sent."""
    waiting = Delivery.objects.filter(channel=channel, state=DeliveryState.PENDING)
    for delivery in waiting:
        drop_obsolete(delivery)
    waiting.update(state=DeliveryState.CANCELLED, settled_at=now, cause="", reason=messages.CHANNEL_DELETED)
    target = AuditTarget.of(channel)
    channel.delete()
    audit.record(AuditAction.CHANNEL_DELETED, target, now=now)
