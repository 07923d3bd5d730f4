"""What became of a message of which no clear answer came, or whose worker was lost: looked up where it left a draft.

Its mailbox knows: a draft that still waits was not sent, and is sent now, that very one; one that is gone was sent. So
it comes neither twice nor never. A mailbox that does not answer is asked for ten minutes; then the delivery goes on as
any other in doubt (outbox.retry_rule), the mailbox is asked again before each try, and the draft is taken away once the
delivery has ended (outbox.leftovers).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import drafts
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.delivery.routes import mailbox_route
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.delivery.sender import LeaseLost, accepted, details, new_attempt, send, uncertain
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import Clock
from alertadmin.outbox.queue.failpoints import failpoint
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from mailer.errors import Acceptance, SendError

LOOKED_UP_FOR = timedelta(minutes=10)
"""So long only the mailbox is asked. Then never lost matters more than never twice."""
BETWEEN = timedelta(minutes=1)


def reconcile(delivery: Delivery, *, chain: Router, pace: RateLimiter, clock: Clock) -> DeliveryState | None:
    """The state the delivery is left in; None if it is to be sent like any other."""
    if not delivery.was_uncertain:
        return None
    if claims.was_accepted(delivery):
        claims.finish(delivery, DeliveryState.SENT, clock(), cause="", reason="")
        return DeliveryState.SENT
    for attempt in claims.uncertain_attempts(delivery).exclude(draft="").select_related(*drafts.WAY):
        if state := _look_up(delivery, attempt, chain, pace, clock):
            return state
    claims.clear_uncertainty(delivery)
    return None


def _look_up(
    delivery: Delivery, attempt: Attempt, chain: Router, pace: RateLimiter, clock: Clock
) -> DeliveryState | None:
    now = clock()
    if free_at := pace.acquire(attempt.mailbox_id, now, anyway=delivery.purpose == Purpose.TEST):
        if not _is_young(attempt, now):
            return None
        claims.defer_lookup(delivery, free_at, reason=messages.BUSY)
        return DeliveryState.UNCERTAIN
    try:
        waiting = drafts.find(attempt)
    except (SendError, SecretUnavailable, UnknownCloud) as error:
        return _not_found_out(delivery, attempt, _failure(error), now)
    failpoint("draft-looked-up")
    if waiting is not None and not chain.may_send_draft(delivery, attempt):
        claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, draft=waiting)  # a leftover
        return None
    if waiting is not None:
        return _send_draft(delivery, attempt, waiting, chain, clock)
    if drafts.known_id(attempt):
        return _was_sent(delivery, attempt, clock())
    claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, draft="")
    return None


def _failure(error: Exception) -> SendError:
    return error if isinstance(error, SendError) else SendError("other", str(error))


def _not_found_out(delivery: Delivery, attempt: Attempt, failure: SendError, now: datetime) -> DeliveryState | None:
    """A mailbox that may answer later is asked later; after a while the delivery goes on without it."""
    if failure.retry and _is_young(attempt, now):
        asked = min(timedelta(seconds=failure.retry_after or 0), LOOKED_UP_FOR)
        if asked:
            drafts.hold(attempt, now + asked)
        claims.defer_lookup(delivery, now + max(BETWEEN, asked), cause=failure.cause, reason=failure.technical)
        return DeliveryState.UNCERTAIN
    if not failure.retry:
        drafts.forget_draft(attempt)
    if delivery.purpose == Purpose.TEST:
        claims.finish(delivery, DeliveryState.UNCERTAIN, now)
        return DeliveryState.UNCERTAIN
    return None


def _is_young(attempt: Attempt, now: datetime) -> bool:
    """Not one that ended later than now, by a clock that ran ahead."""
    return abs(now - (attempt.finished_at or now)) < LOOKED_UP_FOR


def _was_sent(delivery: Delivery, attempt: Attempt, now: datetime) -> DeliveryState:
    claims.finish(
        delivery,
        DeliveryState.SENT,
        now,
        attempt=attempt,
        outcome=AttemptOutcome.ACCEPTED,
        details={"draft": "", "technical": messages.FOUND_SENT},
        was_uncertain=claims.uncertain_attempts(delivery).exclude(pk=attempt.pk).exists(),
        cause="",
        reason="",
    )
    return DeliveryState.SENT


def _send_draft(delivery: Delivery, earlier: Attempt, draft: str, chain: Router, clock: Clock) -> DeliveryState | None:
    """The draft that waits, by a new attempt; unless what it tells is no longer so."""
    composed = composers.compose(delivery, clock())
    if isinstance(composed, composers.Obsolete):
        claims.close_attempt(earlier, clock(), AttemptOutcome.REFUSED, draft=draft)  # a leftover
        claims.finish(delivery, DeliveryState.CANCELLED, clock(), reason=composed.reason)
        return DeliveryState.CANCELLED
    assert earlier.mailbox is not None  # noqa: S101 (the draft was found in it)
    route = mailbox_route(earlier.mailbox, earlier.transport)
    attempt = new_attempt(route, draft=draft)
    if not claims.open_attempt(delivery, attempt, clock(), instead=earlier):
        return DeliveryState.SENDING  # somebody else's by now
    try:
        receipt = send(delivery, attempt, lambda on_step, _on_draft: drafts.send(attempt, on_step))
    except LeaseLost:
        return DeliveryState.SENDING
    except (SendError, SecretUnavailable, UnknownCloud) as error:
        failure = _failure(error)
        if failure.outcome == Acceptance.UNKNOWN:
            state = uncertain(delivery, attempt, failure, clock())
            chain.learn_from(route, attempt, clock())
            return state
    else:
        chain.record_success(route)
        was_uncertain = claims.uncertain_attempts(delivery).exists()
        state = accepted(delivery, attempt, receipt, clock, was_uncertain=was_uncertain)
        chain.learn_from(route, attempt, clock())
        return state
    claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, **details(failure, clock()))
    if delivery.purpose != Purpose.TEST:
        chain.record_failure(route, failure)
        chain.learn_from(route, attempt, clock())
    return None
