"""What users can do with a delivery: send it now, or settle it as arrived or as given up. See claims for the states."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.outbox import messages
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue import claims

UNOWNED = Q(state__in=[DeliveryState.PENDING, DeliveryState.UNCERTAIN])
"""No worker owns these deliveries, so a user may settle them."""


def expedite_reminders(now: datetime) -> int:
    """Make every delivery due that was tried before, except those for which a server set the time.

    A delivery never tried keeps its time: it waits for a digest or for the end of quiet hours. Deliveries in review are
    released on their own page.
    """
    tried = Q(tries__gt=0) | ~Q(cause="")
    waiting = Delivery.objects.filter(
        claims.IsOpen(F("state")), claims.CLAIMABLE, ~claims.TESTS, not_before__gt=now
    ).filter(tried)
    waiting = waiting.exclude(cause__in=claims.THROTTLED_CAUSES).exclude(claims.in_review(now))
    return waiting.update(not_before=now, reason=messages.SEND_NOW)


@transaction.atomic
def send_now(delivery: uuid.UUID, now: datetime) -> bool:
    """Make this delivery due now. Return False if it is due already, or a server set the time of the next attempt.

    A delivery that an earlier version settled as uncertain is reopened. A test is not: the user starts another test.
    """
    asked = Delivery.objects.filter(_may_be_sent_now(now), pk=delivery).update(
        not_before=now, settled_at=None, review_until=None, reason=messages.SEND_NOW
    )
    if asked:
        audit.record(
            AuditAction.DELIVERY_HASTENED, Delivery.objects.select_related("mailbox").get(pk=delivery), now=now
        )
    return bool(asked)


def can_send_now(delivery: Delivery, now: datetime) -> bool:
    return Delivery.objects.filter(_may_be_sent_now(now), pk=delivery.pk).exists()


def _may_be_sent_now(now: datetime) -> Q:
    waits = claims.CLAIMABLE & Q(not_before__gt=now) & ~Q(cause__in=claims.THROTTLED_CAUSES)
    was_left = Q(state=DeliveryState.UNCERTAIN, settled_at__isnull=False)
    return (waits | was_left) & ~claims.TESTS


def confirm_arrived(delivery: uuid.UUID, now: datetime) -> bool:
    """Settle as sent: a user reports that the message arrived. Return False if it is being sent, or settled."""
    return _settle_manually(
        delivery, DeliveryState.SENT, messages.MARKED_AS_ARRIVED, AuditAction.DELIVERY_CONFIRMED, now
    )


def give_up(delivery: uuid.UUID, now: datetime) -> bool:
    """Settle as cancelled: a user no longer wants it sent. Return False if it is being sent, or settled."""
    return _settle_manually(delivery, DeliveryState.CANCELLED, messages.GIVEN_UP, AuditAction.DELIVERY_GIVEN_UP, now)


@transaction.atomic
def _settle_manually(delivery: uuid.UUID, state: DeliveryState, reason: str, act: AuditAction, now: datetime) -> bool:
    ended = Delivery.objects.filter(UNOWNED, pk=delivery).update(
        state=state, settled_at=now, review_until=None, cause="", reason=reason
    )
    if ended:
        audit.record(act, Delivery.objects.select_related("mailbox").get(pk=delivery), now=now)
    return bool(ended)
