"""Takes a channel away: what waits for it is cancelled, and owed anew if nobody else is told of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alertadmin.outbox import sentences
from alertadmin.outbox.models import Channel, Delivery, DeliveryState
from alertadmin.reminders.digest import take_back


@transaction.atomic
def remove(channel: Channel, now: datetime) -> None:
    """What a worker has just taken is cancelled by that worker, or has left."""
    waiting = Delivery.objects.filter(channel=channel, state=DeliveryState.PENDING)
    for delivery in waiting:
        take_back(delivery)
    waiting.update(state=DeliveryState.CANCELLED, settled_at=now, cause="", reason=sentences.CHANNEL_REMOVED)
    channel.delete()
