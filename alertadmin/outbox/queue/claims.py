"""Claim deliveries and record their outcome. Every change of state is one conditional UPDATE.

    pending ──claim──> sending ──finish──────────────> sent | failed | cancelled <──manual_actions── pending, uncertain
       ^                  │
       ├─release, reclaim─┤ no attempt can have been accepted
       │                  │
    uncertain <──release, │ an attempt may have been accepted: look it up (delivery.reconcile) or send again
       │       reclaim────┘ (delivery.retry_rule)
       └──claim──> sending

An uncertain delivery stays open until an attempt is accepted, the content becomes obsolete, or a user settles it; only
a test ends uncertain. A claim sets a lease and an owner token. The attempt's row is committed before the first byte is
sent, and only the token's owner may finish the delivery: a worker that was suspended past its lease no longer owns it
and sends nothing. `now` is always the database's time (queue.clock), so that all machines judge leases by one clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, Case, Exists, F, Func, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import delivery_log
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue.failpoints import failpoint

CLAIMABLE = Q(state=DeliveryState.PENDING) | Q(state=DeliveryState.UNCERTAIN, settled_at=None)
FINAL = frozenset({DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.CANCELLED})
UNCERTAIN_OUTCOMES = frozenset({AttemptOutcome.UNKNOWN, AttemptOutcome.LOST})
MAX_TRIES = 1_000_000
"""No program tried a message that often: such a number of an attempt counts for nothing."""
MAX_DELAY = timedelta(days=16)
"""No delivery is scheduled further ahead (a weekly digest, postponed over a holiday); a later `not_before` means clock
skew, so treat it as due."""
MAX_RATE_LIMIT_DELAY = timedelta(minutes=1)
"""Longest delay of a mail for the rate limit of its mailbox."""
ANY = Q()
BY_MAIL, BY_CHANNEL = Q(channel_label=""), ~Q(channel_label="")
TESTS = Q(purpose=Purpose.TEST)
UNCLAIMED_STATE = Case(
    When(was_uncertain=True, then=Value(DeliveryState.UNCERTAIN)), default=Value(DeliveryState.PENDING)
)
"""The state of a delivery that a worker returns unsent."""
THROTTLED_CAUSES = frozenset({"throttled", "sending_limit"})
"""Causes for which a server has set the time of the next attempt."""
AWAITING_RETRY = Q(state=DeliveryState.PENDING) & ~Q(cause="") & ~Q(cause__in=THROTTLED_CAUSES)
"""Pending after a failed attempt: no route accepted it."""


class IsOpen(Func):
    """Literals instead of parameters, so that SQLite recognises its partial index of open deliveries."""

    template = "%(expressions)s IN ('pending', 'sending', 'uncertain')"
    output_field = BooleanField()


def due(now: datetime) -> QuerySet[Delivery]:
    """Deliveries that may be claimed now, most urgent first."""
    return Delivery.objects.filter(IsOpen(F("state")), CLAIMABLE, _past("not_before", now)).order_by("urgency", "id")


def open_deliveries() -> QuerySet[Delivery]:
    """Deliveries that are not settled: pending, being sent, or uncertain and still to be resolved."""
    return Delivery.objects.filter(IsOpen(F("state")), CLAIMABLE | Q(state=DeliveryState.SENDING))


def _past(moment: str, now: datetime) -> Q:
    return Q(**{f"{moment}__lte": now}) | Q(**{f"{moment}__gt": now + MAX_DELAY})


def in_review(now: datetime) -> Q:
    """Deliveries held for review after a database restore, for at most a day."""
    return Q(state=DeliveryState.PENDING, review_until__gt=now, not_before__gt=now)


def claim(now: datetime, *, limit: int, only: uuid.UUID | None = None, among: Q = ANY) -> list[Delivery]:
    """Claim up to `limit` due deliveries and return those that this call got; another worker may claim the rest."""
    wanted = due(now).filter(among, **({} if only is None else {"pk": only}))
    # A query without a lock first: most of the time nothing is due.
    if not wanted.exists():
        return []
    owner = uuid.uuid4()
    failpoint("before-claim")
    with transaction.atomic():
        # PostgreSQL skips rows that another worker is claiming; SQLite has a single writer.
        ids = list(wanted.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:limit])
        taken = Delivery.objects.filter(CLAIMABLE, _past("not_before", now), pk__in=ids).update(
            state=DeliveryState.SENDING, owner=owner, lease_until=now + settings.OUTBOX_LEASE
        )
    failpoint("after-claim")
    if not taken:
        return []
    return list(
        Delivery.objects.filter(pk__in=ids, owner=owner, state=DeliveryState.SENDING)
        .select_related("mailbox__app__tenant", "mailbox__tenant", "channel__tenant", "channel__app__tenant")
        .order_by("urgency", "id")
    )


def _owned(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=delivery.pk, owner=delivery.owner, state=DeliveryState.SENDING)


def is_owned(delivery: Delivery) -> bool:
    return _owned(delivery).exists()


def renew(owners: Mapping[uuid.UUID, uuid.UUID | None], now: datetime) -> int:
    """Extend the leases of deliveries that are still owned (`owners`: delivery to owner token); return how many."""
    mine = Delivery.objects.filter(pk__in=owners, owner__in=set(owners.values()), state=DeliveryState.SENDING)
    return mine.update(lease_until=now + settings.OUTBOX_LEASE)


def unclaim(delivery: Delivery) -> None:
    """Return a claimed delivery, of which no attempt was begun, to the queue."""
    _owned(delivery).update(state=UNCLAIMED_STATE, owner=None, lease_until=None)


def open_attempt(
    delivery: Delivery, attempt: Attempt, now: datetime, *, instead: Attempt | None = None, **content: Any
) -> bool:
    """Commit that sending begins. Return False if the lease is lost: then nothing may be sent.

    `content` are the delivery's content fields, stored with its first attempt. `instead` is an earlier attempt, whose
    draft this one sends.
    """
    with transaction.atomic():
        mine = _owned(delivery).update(lease_until=now + settings.OUTBOX_LEASE, tries=F("tries") + 1, **content)
        if not mine:
            return False
        delivery.tries += 1
        attempt.delivery, attempt.number, attempt.owner = delivery, delivery.tries, delivery.owner  # type: ignore[assignment]
        attempt.started_at = now
        attempt.save(force_insert=True)
        if instead is not None:
            close_attempt(instead, now, AttemptOutcome.REFUSED, draft="")
    failpoint("after-attempt-opened")
    return True


def close_attempt(attempt: Attempt, now: datetime, outcome: AttemptOutcome, **details: Any) -> None:
    """Record the outcome of one attempt; the delivery keeps its owner, which may try another route."""
    is_news = attempt.outcome == AttemptOutcome.OPEN or outcome == AttemptOutcome.ACCEPTED
    attempt.outcome, attempt.finished_at = outcome, now
    for name, value in details.items():
        setattr(attempt, name, value)
    attempt.save(update_fields=["outcome", "finished_at", "steps", *details])
    if is_news:
        transaction.on_commit(partial(delivery_log.log_attempt, attempt), robust=True)


@transaction.atomic
def close_uncertain(delivery: Delivery, attempt: Attempt, now: datetime, **details: Any) -> bool:
    """Record an attempt without a clear answer: it may have been accepted. Return False if the lease is lost."""
    close_attempt(attempt, now, AttemptOutcome.UNKNOWN, **details)
    delivery.was_uncertain = True
    return bool(_owned(delivery).update(was_uncertain=True))


def save_draft(attempt: Attempt, draft: str) -> bool:
    """Commit the id of the draft before it is sent. Return False if the attempt was marked as lost meanwhile."""
    attempt.draft = draft
    return bool(Attempt.objects.filter(pk=attempt.pk, outcome=AttemptOutcome.OPEN).update(draft=draft))


def was_accepted(delivery: Delivery) -> bool:
    """Whether an attempt that was marked as lost reported success later."""
    return delivery.attempts.filter(outcome=AttemptOutcome.ACCEPTED).exists()


def _mark_sent_if_accepted_late(delivery: Delivery, now: datetime) -> None:
    """Mark an uncertain delivery as sent if an attempt marked as lost reported success later."""
    accepted = Attempt.objects.filter(delivery=OuterRef("pk"), outcome=AttemptOutcome.ACCEPTED)
    in_doubt = Delivery.objects.filter(Exists(accepted), pk=delivery.pk, state=DeliveryState.UNCERTAIN)
    in_doubt.update(state=DeliveryState.SENT, settled_at=Coalesce("settled_at", Value(now)), cause="", reason="")


def finish(
    delivery: Delivery,
    state: DeliveryState,
    now: datetime,
    *,
    attempt: Attempt | None = None,
    outcome: AttemptOutcome | None = None,
    details: Mapping[str, Any] | None = None,
    **fields: Any,
) -> bool:
    """Set the final state (or pending again) and the last attempt's outcome. Return False if the lease is lost."""
    failpoint("before-settle")
    if state in FINAL:
        fields["settled_at"] = now
    if state == DeliveryState.UNCERTAIN:
        fields |= _uncertain_fields(delivery, now, can_be_looked_up=attempt is not None and attempt.draft != "")
    with transaction.atomic():
        mine = _owned(delivery).update(state=state, owner=None, lease_until=None, **fields)
        if attempt is not None and outcome is not None:
            close_attempt(attempt, now, outcome, **(details or {}))
        if state == DeliveryState.UNCERTAIN or (outcome == AttemptOutcome.ACCEPTED and not mine):
            _mark_sent_if_accepted_late(delivery, now)
    failpoint("after-settle")
    if mine:
        for name, value in {"state": state, **fields}.items():
            setattr(delivery, name, value)
        transaction.on_commit(partial(delivery_log.log_delivery, delivery, now, attempt), robust=True)
    return bool(mine)


def release(delivery: Delivery, now: datetime, *, not_before: datetime, **fields: Any) -> bool:
    """Return the delivery to the queue, pending or uncertain, to be tried again at `not_before`."""
    state = DeliveryState.UNCERTAIN if delivery.was_uncertain else DeliveryState.PENDING
    return finish(delivery, state, now, not_before=not_before, **fields)


def next_rate_limit_slot(now: datetime) -> datetime | None:
    """When the first mail that waits for a mailbox's rate limit may be sent; None if none waits."""
    waiting = open_deliveries().filter(
        BY_MAIL, reason=messages.MAILBOX_BUSY, not_before__gt=now, not_before__lte=now + MAX_RATE_LIMIT_DELAY
    )
    return waiting.order_by("not_before").values_list("not_before", flat=True).first()


def postpone_reminders(now: datetime, until: datetime, *, among: Q = ANY, **why: Any) -> int:
    """Postpone all due reminders by mail, because no route is available. Return how many."""
    postponed = due(now).filter(BY_MAIL & ~TESTS & among).order_by().update(not_before=until, **why)
    delivery_log.log_waiting(postponed, why.get("cause", ""), until)
    return postponed


def reclaim_expired_leases(now: datetime) -> int:
    """Return the deliveries of lost workers to the queue; returns how many. Any process may call it at any time."""
    return sum(_reclaim(delivery, now) for delivery in expired_leases(now).only("pk", "owner", "purpose"))


def expired_leases(now: datetime) -> QuerySet[Delivery]:
    """Deliveries being sent whose lease has expired."""
    return being_sent().filter(_past("lease_until", now)).order_by()


def being_sent() -> QuerySet[Delivery]:
    return Delivery.objects.filter(IsOpen(F("state")), state=DeliveryState.SENDING)


@transaction.atomic
def _reclaim(delivery: Delivery, now: datetime) -> bool:
    """Without an open attempt nothing was sent; with one, the message may have been accepted."""
    expired = _owned(delivery).filter(_past("lease_until", now))
    opened = _open_attempts(delivery)
    if not opened.exists():
        return bool(expired.update(state=UNCLAIMED_STATE, owner=None, lease_until=None))
    is_reclaimed = expired.update(**_uncertain_and_unclaimed(delivery, opened, now), reason=messages.WORKER_LOST)
    if is_reclaimed:
        transaction.on_commit(partial(delivery_log.log_worker_lost, delivery), robust=True)
        opened.update(outcome=AttemptOutcome.LOST, finished_at=now)
        _mark_sent_if_accepted_late(delivery, now)
    return bool(is_reclaimed)


@transaction.atomic
def fail_unexpectedly(delivery: Delivery, now: datetime, *, not_before: datetime, error: str) -> None:
    """Return a delivery to the queue after an unexpected exception, as if its lease had expired; `error` names the
    exception's type."""
    opened = _open_attempts(delivery)
    if opened.exists():
        fields = {**_uncertain_and_unclaimed(delivery, opened, now), "reason": messages.INTERRUPTED % {"error": error}}
    else:
        state = DeliveryState.UNCERTAIN if delivery.was_uncertain else DeliveryState.PENDING
        reason = messages.NOT_PREPARED % {"error": error}
        fields = {"state": state, "owner": None, "lease_until": None, "reason": reason}
    # `tries` is the number of its last attempt; a row where it is not could never open another one.
    last = delivery.attempts.filter(number__lt=MAX_TRIES).aggregate(last=Max("number"))["last"] or 0
    if _owned(delivery).update(**fields, tries=last, not_before=not_before, cause="other"):
        opened.update(outcome=AttemptOutcome.UNKNOWN, finished_at=now)
        delivery.state = fields["state"]


def _open_attempts(delivery: Delivery) -> QuerySet[Attempt]:
    return delivery.attempts.filter(outcome=AttemptOutcome.OPEN)


def _uncertain_and_unclaimed(delivery: Delivery, opened: QuerySet[Attempt], now: datetime) -> dict[str, Any]:
    doubt = _uncertain_fields(delivery, now, can_be_looked_up=opened.exclude(draft="").exists())
    return {"state": DeliveryState.UNCERTAIN, "owner": None, "lease_until": None, **doubt}


def _uncertain_fields(delivery: Delivery, now: datetime, *, can_be_looked_up: bool) -> dict[str, Any]:
    """Fields of an uncertain delivery. It stays open, except for a test: the user who watches it starts another."""
    is_over = delivery.purpose == Purpose.TEST and not can_be_looked_up
    return {"was_uncertain": True, "settled_at": now if is_over else None}


def uncertain_attempts(delivery: Delivery) -> QuerySet[Attempt]:
    """Attempts that may or may not have been accepted."""
    return delivery.attempts.filter(outcome__in=UNCERTAIN_OUTCOMES)


def clear_uncertainty(delivery: Delivery) -> None:
    """Clear the delivery's uncertain flag if none of its attempts is uncertain any more."""
    if not uncertain_attempts(delivery).exists() and _owned(delivery).update(was_uncertain=False):
        delivery.was_uncertain = False


def defer_lookup(delivery: Delivery, not_before: datetime, **why: Any) -> None:
    """Return an uncertain delivery to the queue; its draft is looked up again at `not_before`."""
    _owned(delivery).update(state=DeliveryState.UNCERTAIN, owner=None, lease_until=None, not_before=not_before, **why)
