"""Find out whether a message was sent whose attempt got no clear answer, or whose worker was lost, by its draft.

A draft that still exists was not sent: it is sent now, that very draft. A draft that is gone was sent. So the message
is sent neither twice nor never. A mailbox that does not answer is queried for ten minutes; then the delivery continues
like any uncertain one (retry_rule), the mailbox is queried before each try, and the draft is deleted once the delivery
is settled (draft_cleanup).
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
from mailer.coded_text import message_of
from mailer.errors import Acceptance, SendError

LOOKUP_PERIOD = timedelta(minutes=10)
"""For this long only the look-up is tried. Then delivering at all outweighs not delivering twice."""
LOOKUP_INTERVAL = timedelta(minutes=1)


def reconcile(delivery: Delivery, *, router: Router, rate_limiter: RateLimiter, clock: Clock) -> DeliveryState | None:
    """Return the resulting state, or None if the delivery is to be sent normally."""
    if not delivery.was_uncertain:
        return None
    if claims.was_accepted(delivery):
        claims.finish(delivery, DeliveryState.SENT, clock(), cause="", reason="")
        return DeliveryState.SENT
    for attempt in claims.uncertain_attempts(delivery).exclude(draft="").select_related(*drafts.RELATED):
        if state := _look_up(delivery, attempt, router, rate_limiter, clock):
            return state
    claims.clear_uncertainty(delivery)
    return None


def _look_up(
    delivery: Delivery, attempt: Attempt, router: Router, rate_limiter: RateLimiter, clock: Clock
) -> DeliveryState | None:
    now = clock()
    if free_at := rate_limiter.acquire(attempt.mailbox_id, now, force=delivery.purpose == Purpose.TEST):
        if not _is_young(attempt, now):
            return None
        claims.defer_lookup(delivery, free_at, reason=messages.MAILBOX_BUSY)
        return DeliveryState.UNCERTAIN
    try:
        waiting = drafts.find(attempt)
    except (SendError, SecretUnavailable, UnknownCloud) as error:
        return _handle_failed_lookup(delivery, attempt, _failure(error), now)
    failpoint("draft-looked-up")
    if waiting is not None and not router.may_send_draft(delivery, attempt):
        claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, draft=waiting)  # for draft_cleanup
        return None
    if waiting is not None:
        return _send_draft(delivery, attempt, waiting, router, clock)
    if drafts.known_id(attempt):
        return _mark_sent(delivery, attempt, clock())
    claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, draft="")
    return None


def _failure(error: Exception) -> SendError:
    return error if isinstance(error, SendError) else SendError("other", message_of(error))


def _handle_failed_lookup(
    delivery: Delivery, attempt: Attempt, failure: SendError, now: datetime
) -> DeliveryState | None:
    """Retry the look-up later if the mailbox may answer then; after LOOKED_UP_FOR continue without it."""
    if failure.retry and _is_young(attempt, now):
        asked = min(timedelta(seconds=failure.retry_after or 0), LOOKUP_PERIOD)
        if asked:
            drafts.record_retry_after(attempt, now + asked)
        claims.defer_lookup(delivery, now + max(LOOKUP_INTERVAL, asked), cause=failure.cause, reason=failure.technical)
        return DeliveryState.UNCERTAIN
    if not failure.retry:
        drafts.forget_draft(attempt)
    if delivery.purpose == Purpose.TEST:
        claims.finish(delivery, DeliveryState.UNCERTAIN, now)
        return DeliveryState.UNCERTAIN
    return None


def _is_young(attempt: Attempt, now: datetime) -> bool:
    """Whether the attempt ended recently; False if it ended in the future (clock skew)."""
    return abs(now - (attempt.finished_at or now)) < LOOKUP_PERIOD


def _mark_sent(delivery: Delivery, attempt: Attempt, now: datetime) -> DeliveryState:
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


def _send_draft(delivery: Delivery, earlier: Attempt, draft: str, router: Router, clock: Clock) -> DeliveryState | None:
    """Send the draft by a new attempt, unless its content is obsolete."""
    composed = composers.compose(delivery, clock())
    if isinstance(composed, composers.Obsolete):
        claims.close_attempt(earlier, clock(), AttemptOutcome.REFUSED, draft=draft)  # for draft_cleanup
        claims.finish(delivery, DeliveryState.CANCELLED, clock(), reason=composed.reason)
        return DeliveryState.CANCELLED
    assert earlier.mailbox is not None  # noqa: S101 (the draft was found in it)
    route = mailbox_route(earlier.mailbox, earlier.transport)
    attempt = new_attempt(route, draft=draft)
    if not claims.open_attempt(delivery, attempt, clock(), instead=earlier):
        return DeliveryState.SENDING  # another worker owns it now
    try:
        receipt = send(delivery, attempt, lambda on_step, _on_draft: drafts.send(attempt, on_step))
    except LeaseLost:
        return DeliveryState.SENDING
    except (SendError, SecretUnavailable, UnknownCloud) as error:
        failure = _failure(error)
        if failure.outcome == Acceptance.UNKNOWN:
            state = uncertain(delivery, attempt, failure, clock())
            router.record_attempt(route, attempt, clock())
            return state
    else:
        router.record_success(route)
        was_uncertain = claims.uncertain_attempts(delivery).exists()
        state = accepted(delivery, attempt, receipt, clock, was_uncertain=was_uncertain)
        router.record_attempt(route, attempt, clock())
        return state
    claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, **details(failure, clock()))
    if delivery.purpose != Purpose.TEST:
        router.record_failure(route, failure)
        router.record_attempt(route, attempt, clock())
    return None
