"""Sends one claimed delivery: fixes its words, walks its ways, settles it."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings

from alertadmin.outbox import claims, content, sentences
from alertadmin.outbox.chain import Chain, Route
from alertadmin.outbox.crashpoints import crashpoint
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.pace import Pace
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.identity import SecretUnavailable
from mailer.failure import Failure, Outcome
from mailer.message import Message

log = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(days=30)
LONGEST_WAIT = timedelta(hours=1)
OF_THE_RECIPIENT = frozenset({"recipient_rejected", "message_too_large"})
"""Causes that say nothing against the way itself."""

Clock = Callable[[], datetime]


def deliver(delivery: Delivery, *, chain: Chain, pace: Pace, clock: Clock) -> DeliveryState:
    """Returns the state the delivery is left in. Raises nothing that a mail server or Microsoft does."""
    words = _words(delivery, clock())
    if isinstance(words, content.NoLongerOwed):
        claims.settle(delivery, DeliveryState.CANCELLED, clock(), reason=words.reason)
        return DeliveryState.CANCELLED
    message = _message(delivery)
    failures: list[Failure] = []
    for route in chain.routes(delivery):
        now = clock()
        if free_at := pace.take(route.mailbox.pk if route.mailbox else None, now):
            claims.release(delivery, now, not_before=free_at)
            return DeliveryState.PENDING
        attempt = Attempt(route=route.label, transport=route.transport, mailbox=route.mailbox)
        if not claims.open_attempt(delivery, attempt, now, **words):
            return DeliveryState.SENDING  # somebody else's by now
        failure = _try(route, delivery, attempt, message, clock)
        if failure is None:
            return DeliveryState.SENT
        if failure.outcome == Outcome.UNKNOWN:
            return _uncertain(delivery, attempt, failure, clock())
        failures.append(failure)
        claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, **_details(failure))
        if failure.cause not in OF_THE_RECIPIENT:
            chain.down.add(route.label)
    return _all_failed(delivery, failures, clock())


def _words(delivery: Delivery, now: datetime) -> dict[str, Any] | content.NoLongerOwed:
    """What to store with the attempt; nothing where the message may have arrived already: it is repeated as it was.

    What was surely refused is worded anew, so that a mail which waited for days tells the truth of today.
    """
    composed = content.compose(delivery, now)
    if isinstance(composed, content.NoLongerOwed):
        return composed
    if delivery.was_uncertain and delivery.composed_at is not None:
        return {}
    words = {
        "subject": composed.subject,
        "text": composed.text,
        "html": composed.html,
        "composed_at": now,
        "message_id": f"<{delivery.pk}@{settings.MESSAGE_ID_DOMAIN}>",
    }
    for name, value in words.items():
        setattr(delivery, name, value)
    return words


def _message(delivery: Delivery) -> Message:
    assert delivery.composed_at is not None  # noqa: S101 (set by _words)
    return Message(
        subject=delivery.subject,
        text=delivery.text,
        html=delivery.html or None,
        to=(delivery.recipient,),
        message_id=delivery.message_id,
        date=delivery.composed_at,
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )


def _try(route: Route, delivery: Delivery, attempt: Attempt, message: Message, clock: Clock) -> Failure | None:
    """One attempt. None when the message was accepted, and then it is settled too."""
    begun = monotonic()

    def on_step(step: str, detail: str) -> None:
        attempt.steps.append({"step": step, "ms": round((monotonic() - begun) * 1000), "detail": detail})
        if delivery.purpose == Purpose.TEST:  # somebody is looking
            attempt.save(update_fields=["steps"])

    try:
        receipt = route.send(message, on_step)
    except Failure as failure:
        return failure
    except (SecretUnavailable, UnknownCloud) as error:
        return Failure("other", str(error))
    except Exception as error:
        # A fault of ours, after which we cannot say what left. The type's name alone: the text may hold a secret.
        log.error("sending %s by %s raised %s", delivery.pk, attempt.transport, type(error).__name__)
        return Failure("other", sentences.UNEXPECTED % {"error": type(error).__name__}, Outcome.UNKNOWN)
    crashpoint("after-acceptance")
    on_step("message", receipt.answer)
    claims.settle(
        delivery,
        DeliveryState.SENT,
        clock(),
        attempt=attempt,
        outcome=AttemptOutcome.ACCEPTED,
        details={"request_ids": receipt.request_ids},
        cause="",
        reason="",
    )
    return None


def _details(failure: Failure) -> dict[str, Any]:
    return {"cause": failure.cause, "technical": failure.technical, "request_ids": failure.request_ids}


def _uncertain(delivery: Delivery, attempt: Attempt, failure: Failure, now: datetime) -> DeliveryState:
    """No answer came: the message may be in the mailbox. It is sent again once, later, with the same Message-ID."""
    claims.settle(
        delivery,
        DeliveryState.UNCERTAIN,
        now,
        attempt=attempt,
        outcome=AttemptOutcome.UNKNOWN,
        details=_details(failure),
        not_before=now + _wait(delivery, [failure]),
        cause=failure.cause,
        reason=failure.technical,
    )
    return DeliveryState.UNCERTAIN


def _all_failed(delivery: Delivery, failures: list[Failure], now: datetime) -> DeliveryState:
    last = failures[-1] if failures else Failure("other", sentences.NO_WAY)
    if delivery.purpose == Purpose.TEST or now - delivery.created_at > GIVE_UP_AFTER:
        claims.settle(delivery, DeliveryState.FAILED, now, cause=last.cause, reason=last.technical)
        return DeliveryState.FAILED
    claims.release(delivery, now, not_before=now + _wait(delivery, failures), cause=last.cause, reason=last.technical)
    return DeliveryState.PENDING


def _wait(delivery: Delivery, failures: list[Failure]) -> timedelta:
    """Doubling from one minute to one hour, or as long as the server asks, scattered by a tenth."""
    asked = max((failure.retry_after or 0 for failure in failures), default=0)
    doubling = 60 * 2 ** min(delivery.tries, 10)
    seconds = min(max(asked, doubling), max(asked, LONGEST_WAIT.total_seconds()), 86_400)
    return timedelta(seconds=seconds * random.uniform(1, 1.1))  # noqa: S311 (scatter, not secrecy)
