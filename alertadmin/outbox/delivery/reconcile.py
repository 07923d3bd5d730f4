"""Find out whether a message was sent whose attempt got no clear answer, or whose worker was lost, by its draft.

A draft that still exists was not sent: it is sent now, that very draft. A draft that is gone was sent. So the message
is sent neither twice nor never. A mailbox that does not answer is queried for ten minutes; then the delivery continues
like any uncertain one (retry_rule), the mailbox is queried before each try, and the draft is deleted once the delivery
is settled.

Drafts that will not be sent are deleted, so that a user does not find them in the mailbox and send them by hand. This
is best effort: a draft that cannot be deleted is never sent by this program.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import BooleanField, F, Func, Q

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.delivery.routes import mailbox_route
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.delivery.sender import LeaseLost, accepted, details, new_attempt, send, uncertain
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import UNNAMED, Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import Clock
from alertadmin.outbox.queue.failpoints import failpoint
from alertadmin.registry.clouds import UnknownName
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from mailer.coded_text import message_of
from mailer.errors import Acceptance, SendError
from mailer.http import deadline_sockets
from mailer.tokens import OnStep
from mailer.transports import DraftingTransport, Receipt, Sender

log = logging.getLogger(__name__)

LOOKUP_PERIOD = timedelta(minutes=10)
"""For this long only the look-up is tried. Then delivering at all outweighs not delivering twice."""
LOOKUP_INTERVAL = timedelta(minutes=1)
DELETE_TIMEOUT = 5.0
"""Seconds for one draft."""
MAX_DELETIONS_PER_RUN = 5
CREATION_TIME = timedelta(minutes=2)
"""After this time, a request without an answer has created its draft or never will."""
GIVE_UP_AFTER = timedelta(days=7)
RELATED = ("delivery", "mailbox__app__tenant", "mailbox__tenant")
"""Relations to select with an attempt."""


def reconcile(delivery: Delivery, *, router: Router, rate_limiter: RateLimiter, clock: Clock) -> DeliveryState | None:
    """Return the resulting state, or None if the delivery is to be sent normally."""
    if not delivery.was_uncertain:
        return None
    if claims.was_accepted(delivery):
        claims.finish(delivery, DeliveryState.SENT, clock(), cause="", reason="")
        return DeliveryState.SENT
    for attempt in claims.uncertain_attempts(delivery).exclude(draft="").select_related(*RELATED):
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
        waiting = find_draft(attempt)
    except (SendError, SecretUnavailable, UnknownName) as error:
        return _handle_failed_lookup(delivery, attempt, _failure(error), now)
    failpoint("draft-looked-up")
    if waiting is not None and not router.may_send_draft(delivery, attempt):
        claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, draft=waiting)  # delete_orphan_drafts deletes it
        return None
    if waiting is not None:
        return _send_draft(delivery, attempt, waiting, router, clock)
    if known_id(attempt):
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
            record_retry_after(attempt, now + asked)
        claims.defer_lookup(delivery, now + max(LOOKUP_INTERVAL, asked), cause=failure.cause, reason=failure.technical)
        return DeliveryState.UNCERTAIN
    if not failure.retry:
        forget_draft(attempt)
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
        claims.close_attempt(earlier, clock(), AttemptOutcome.REFUSED, draft=draft)  # delete_orphan_drafts deletes it
        claims.finish(delivery, DeliveryState.CANCELLED, clock(), reason=composed.reason)
        return DeliveryState.CANCELLED
    assert earlier.mailbox is not None  # noqa: S101 (the draft was found in it)
    route = mailbox_route(earlier.mailbox, earlier.transport)
    attempt = new_attempt(route, draft=draft)
    if not claims.open_attempt(delivery, attempt, clock(), instead=earlier):
        return DeliveryState.SENDING  # another worker owns it now
    try:
        receipt = send(delivery, attempt, lambda on_step, _on_draft: send_draft(attempt, on_step))
    except LeaseLost:
        return DeliveryState.SENDING
    except (SendError, SecretUnavailable, UnknownName) as error:
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


def find_draft(attempt: Attempt) -> str | None:
    """The id of the draft if it is still there, unsent; else None."""
    transport, sender = _transport_and_sender(attempt)
    return transport.find_draft(known_id(attempt), attempt.delivery.message_id, sender)


def send_draft(attempt: Attempt, on_step: OnStep) -> Receipt:
    transport, sender = _transport_and_sender(attempt)
    return transport.send_draft(known_id(attempt), attempt.delivery.message_id, sender, on_step=on_step)


def discard_draft(attempt: Attempt) -> None:
    transport, sender = _transport_and_sender(attempt)
    transport.discard(known_id(attempt), attempt.delivery.message_id, sender)


def record_retry_after(attempt: Attempt, until: datetime) -> None:
    """Record that the server asked to wait until then, without refusing the attempt itself."""
    Attempt.objects.filter(pk=attempt.pk).update(held_until=until)


def forget_draft(attempt: Attempt) -> None:
    """Drop the draft: it does not exist, or can no longer be looked up."""
    attempt.draft = ""
    attempt.save(update_fields=["draft"])


def known_id(attempt: Attempt) -> str:
    return "" if attempt.draft == UNNAMED else attempt.draft


def _transport_and_sender(attempt: Attempt) -> tuple[DraftingTransport, Sender]:
    if attempt.mailbox is None:
        raise SendError("other", messages.MAILBOX_DELETED)
    transport = connections.transport(attempt.transport)
    if not isinstance(transport, DraftingTransport):
        raise SendError("other", messages.NO_DRAFTS)
    return transport, connections.build_sender(attempt.mailbox)


class HasOrphanDraft(Func):
    """A literal instead of a parameter, so that SQLite recognises its partial index of attempts with drafts."""

    template = "%(expressions)s > ''"
    output_field = BooleanField()


def delete_orphan_drafts(now: datetime) -> None:
    """Delete a few at the end of each run. A draft of unknown id may still be being created, or belong to another
    attempt, so it is kept until its delivery is settled; so is a draft in doubt, which is looked up before each try."""
    left = Attempt.objects.filter(HasOrphanDraft(F("draft"))).exclude(outcome=AttemptOutcome.OPEN)
    settled = Q(delivery__settled_at__isnull=False, finished_at__lt=now - CREATION_TIME)
    not_sent = Q(outcome=AttemptOutcome.REFUSED) & ~Q(draft=UNNAMED)
    failed_mailboxes: set[UUID | None] = set()
    for attempt in left.filter(settled | not_sent).select_related(*RELATED).order_by("pk")[:MAX_DELETIONS_PER_RUN]:
        if attempt.mailbox_id in failed_mailboxes or _delete(attempt):
            continue
        failed_mailboxes.add(attempt.mailbox_id)
        if attempt.finished_at and attempt.finished_at < now - GIVE_UP_AFTER:
            forget_draft(attempt)


def _delete(attempt: Attempt) -> bool:
    try:
        with deadline_sockets.deadline(DELETE_TIMEOUT):
            # A message that was sent has the same id in Sent Items: that copy must not be deleted.
            if attempt.outcome in claims.UNCERTAIN_OUTCOMES and find_draft(attempt) is None:
                return _was_sent(attempt)
            discard_draft(attempt)
    except (SendError, SecretUnavailable, UnknownName) as error:
        log.info("a draft of attempt %s stays for now: %s", attempt.pk, type(error).__name__)
        return False
    attempt.outcome = AttemptOutcome.REFUSED if attempt.outcome in claims.UNCERTAIN_OUTCOMES else attempt.outcome
    attempt.draft = ""
    attempt.save(update_fields=["draft", "outcome"])
    return True


def _was_sent(attempt: Attempt) -> bool:
    """Drop the draft. Only if its id is known does its absence prove that it was sent."""
    if known_id(attempt):
        attempt.outcome, attempt.technical = AttemptOutcome.ACCEPTED, messages.FOUND_SENT
    attempt.draft = ""
    attempt.save(update_fields=["draft", "outcome", "technical"])
    return True
