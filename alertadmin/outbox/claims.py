"""Who may send a delivery, and what became of it. Every change of state is one conditional UPDATE.

    pending ──claim──> sending ──settle──> sent
       ^                  │ ├────────────> failed | cancelled
       │<──release────────┤ └────────────> uncertain ──claim, once more──> sending
       └──sweep, no open attempt           ^
                          └──sweep, open attempt (the worker was lost) ──┘

A claim gives a lease and an owner token. The attempt's row is committed before the first byte leaves, and only the
token's owner settles: a worker that slept past its lease finds that it owns nothing and sends nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, PositiveSmallIntegerField, Q, QuerySet, When

from alertadmin.outbox import sentences
from alertadmin.outbox.crashpoints import crashpoint
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState

CLAIMABLE = Q(state=DeliveryState.PENDING) | Q(state=DeliveryState.UNCERTAIN, resends_left__gt=0)
FINAL = frozenset({DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.UNCERTAIN})


def due(now: datetime) -> QuerySet[Delivery]:
    """What may be claimed now, the most urgent first."""
    return Delivery.objects.filter(CLAIMABLE, not_before__lte=now).order_by("urgency", "id")


def claim(now: datetime, *, limit: int, only: uuid.UUID | None = None) -> list[Delivery]:
    """Takes up to `limit` due deliveries; what another worker takes meanwhile is left to it."""
    wanted = due(now)
    if only is not None:
        wanted = wanted.filter(pk=only)
    ids = list(wanted.values_list("pk", flat=True)[:limit])
    if not ids:
        return []
    owner = uuid.uuid4()
    crashpoint("before-claim")
    taken = Delivery.objects.filter(CLAIMABLE, not_before__lte=now, pk__in=ids).update(
        resends_left=Case(
            When(state=DeliveryState.UNCERTAIN, then=F("resends_left") - 1),
            default=F("resends_left"),
            output_field=PositiveSmallIntegerField(),
        ),
        state=DeliveryState.SENDING,
        owner=owner,
        lease_until=now + settings.OUTBOX_LEASE,
    )
    crashpoint("after-claim")
    if not taken:
        return []
    return list(
        Delivery.objects.filter(owner=owner, state=DeliveryState.SENDING)
        .select_related("mailbox__app__tenant", "mailbox__tenant")
        .order_by("urgency", "id")
    )


def _mine(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=delivery.pk, owner=delivery.owner, state=DeliveryState.SENDING)


def open_attempt(delivery: Delivery, attempt: Attempt, now: datetime, **content: Any) -> bool:
    """Commits that bytes may leave from now on. False if the lease is no longer ours: then nothing may be sent.

    `content` are the delivery's words, fixed together with its first attempt.
    """
    with transaction.atomic():
        mine = _mine(delivery).update(lease_until=now + settings.OUTBOX_LEASE, tries=F("tries") + 1, **content)
        if not mine:
            return False
        delivery.tries += 1
        attempt.delivery, attempt.number, attempt.owner = delivery, delivery.tries, delivery.owner  # type: ignore[assignment]
        attempt.started_at = now
        attempt.save(force_insert=True)
    crashpoint("after-attempt-opened")
    return True


def close_attempt(attempt: Attempt, now: datetime, outcome: AttemptOutcome, **details: Any) -> None:
    """What came of one try; the delivery stays with its owner, who may try another route."""
    attempt.outcome, attempt.finished_at = outcome, now
    for name, value in details.items():
        setattr(attempt, name, value)
    attempt.save(update_fields=["outcome", "finished_at", "steps", *details])


def settle(
    delivery: Delivery,
    state: DeliveryState,
    now: datetime,
    *,
    attempt: Attempt | None = None,
    outcome: AttemptOutcome | None = None,
    details: Mapping[str, Any] | None = None,
    **fields: Any,
) -> bool:
    """The delivery's end (or its return to pending), together with its last attempt's. False if it was not ours."""
    crashpoint("before-settle")
    if state in FINAL and not (state == DeliveryState.UNCERTAIN and delivery.resends_left):
        fields["settled_at"] = now
    if state == DeliveryState.UNCERTAIN:
        fields["was_uncertain"] = True
    with transaction.atomic():
        mine = _mine(delivery).update(state=state, owner=None, lease_until=None, **fields)
        if attempt is not None and outcome is not None:
            close_attempt(attempt, now, outcome, **(details or {}))
    crashpoint("after-settle")
    if mine:
        delivery.state = state
    return bool(mine)


def release(delivery: Delivery, now: datetime, *, not_before: datetime, **fields: Any) -> bool:
    """Back to pending (or, if it was uncertain, to wait as such), to be tried again at `not_before`."""
    return settle(delivery, DeliveryState.PENDING, now, not_before=not_before, **fields)


def sweep(now: datetime) -> int:
    """Takes back what lost workers held: returns how many. Any process may sweep at any time."""
    lapsed = Delivery.objects.filter(state=DeliveryState.SENDING, lease_until__lt=now)
    return sum(_sweep_one(delivery, now) for delivery in lapsed.only("pk", "owner", "resends_left", "purpose"))


@transaction.atomic
def _sweep_one(delivery: Delivery, now: datetime) -> bool:
    """Without an open attempt no byte has left; with one, the message may be in the mailbox already."""
    open_attempts = delivery.attempts.filter(outcome=AttemptOutcome.OPEN)
    lapsed = _mine(delivery).filter(lease_until__lt=now)
    if not open_attempts.exists():
        return bool(lapsed.update(state=DeliveryState.PENDING, owner=None, lease_until=None))
    swept = lapsed.update(
        state=DeliveryState.UNCERTAIN,
        was_uncertain=True,
        owner=None,
        lease_until=None,
        settled_at=None if delivery.resends_left else now,
        reason=sentences.WORKER_LOST,
    )
    if swept:
        open_attempts.update(outcome=AttemptOutcome.LOST, finished_at=now)
    return bool(swept)
