"""Takes a channel away: what waits for it is cancelled, and owed anew if nobody else is told of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alertadmin.accounts import audit
from alertadmin.accounts.audit import Act, Subject
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
    gone = Subject.of(channel)
    channel.delete()
    audit.record(Act.CHANNEL_DELETED, gone, now=now)
