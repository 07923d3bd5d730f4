"""Send one claimed delivery: fix its content, try the routes that the retry rule chooses, settle it or let it wait."""

from __future__ import annotations

import contextlib
import logging
import random
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from alertadmin.outbox import messages
from alertadmin.outbox.channels.notification import Notification
from alertadmin.outbox.delivery import fallback
from alertadmin.outbox.delivery.rate_limit import MAX_RETRY_AFTER, RateLimiter
from alertadmin.outbox.delivery.retry_rule import FIRST_WAIT
from alertadmin.outbox.delivery.route_policy import GRANT_ACCESS
from alertadmin.outbox.delivery.routes import Route
from alertadmin.outbox.delivery.routing import Router, RouteWalk
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import UNNAMED, Attempt, AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import Clock
from alertadmin.outbox.queue.failpoints import failpoint
from alertadmin.registry.clouds import UnknownName
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from mailer.coded_text import message_of
from mailer.errors import Acceptance, Answer, SendError
from mailer.message import Message
from mailer.transports import OnDraft, Receipt

log = logging.getLogger(__name__)

MAX_SUBJECT = 250
MAX_REDUCED_TEXT = 4000
"""Characters to send of a message that a server found too large."""
FINISH_RETRY_INTERVAL = 0.5


def deliver(delivery: Delivery, *, router: Router, rate_limiter: RateLimiter, clock: Clock) -> DeliveryState:
    """Return the state in which the delivery is left. Does not raise errors of a mail server or of Microsoft."""
    now = clock()
    composed = composers.compose(delivery, now)
    if isinstance(composed, composers.Obsolete):
        claims.finish(delivery, DeliveryState.CANCELLED, clock(), reason=composed.reason)
        return DeliveryState.CANCELLED
    if isinstance(composed, composers.Deferred):
        claims.release(delivery, clock(), not_before=composed.until, cause="", reason=composed.reason)
        return DeliveryState(delivery.state)
    words = _content_fields(delivery, composed, now)
    walk = RouteWalk.of(delivery)
    is_test = delivery.purpose == Purpose.TEST
    for route in router.next_routes(delivery, walk, clock):
        if route.is_last_resort and walk.busy_until:
            break  # a mailbox works and is only busy
        now = clock()
        if free_at := rate_limiter.acquire(route.sender_id, now, force=is_test):
            walk.busy_until.append(free_at)
            continue
        message = _message(delivery, route, composed, walk.failures[-1] if walk.failures else router.last_failure(now))
        outcome = _try(delivery, route, message, words, router, walk, now, clock)
        if _is_too_large(outcome) and (shorter := _shorten(message)):
            rate_limiter.acquire(route.sender_id, now, force=True)
            outcome = _try(delivery, route, shorter, words, router, walk, now, clock)
        if not isinstance(outcome, SendError):
            return outcome
        walk.failures.append(outcome)
        failpoint("between-ways")
    return _wait_or_fail(delivery, router, walk, clock())


def _try(
    delivery: Delivery,
    route: Route,
    message: Message | Notification,
    words: dict[str, Any],
    router: Router,
    walk: RouteWalk,
    now: datetime,
    clock: Clock,
) -> DeliveryState | SendError:
    """Make one attempt. Return the state in which the delivery is left, or the failure after which to try on."""
    attempt = new_attempt(route)
    if not claims.open_attempt(delivery, attempt, now, **words):
        return DeliveryState.SENDING  # another worker owns it now
    is_route_fault = False
    try:
        receipt = send(delivery, attempt, partial(route.send, message))
    except LeaseLost:
        claims.close_attempt(attempt, clock(), AttemptOutcome.REFUSED, technical=messages.LEASE_LOST)
        return DeliveryState.SENDING
    except (SecretUnavailable, UnknownName) as error:
        failure, is_route_fault = SendError("other", message_of(error), answer=Answer.NOT_REACHED), True
    except SendError as refused:
        failure = refused
    else:
        router.record_success(route)
        state = accepted(delivery, attempt, receipt, clock)
        router.record_attempt(route, attempt, clock())
        return state
    now = clock()
    if failure.outcome == Acceptance.UNKNOWN:
        if delivery.purpose == Purpose.TEST:
            return uncertain(delivery, attempt, failure, now)
        if not claims.close_uncertain(delivery, attempt, now, **details(failure, now)):
            return DeliveryState.SENDING
    else:
        claims.close_attempt(attempt, now, AttemptOutcome.REFUSED, **details(failure, now))
        router.record_failure(route, failure, is_route_fault=is_route_fault)
        walk.refused.add(route.key)
    walk.add(attempt)
    router.record_attempt(route, attempt, now)
    return failure


def new_attempt(route: Route, **fields: Any) -> Attempt:
    return Attempt(
        route=route.label,
        transport=route.transport,
        mailbox=route.attempted_mailbox,
        channel=route.channel,
        endpoint=route.endpoint,
        **fields,
    )


def _is_too_large(outcome: DeliveryState | SendError) -> bool:
    return isinstance(outcome, SendError) and outcome.cause == "message_too_large"


def _shorten(message: Message | Notification) -> Message | Notification | None:
    """A shorter version: plain text only, cut to MAX_REDUCED_TEXT; the most urgent comes first. None if nothing can be
    cut."""
    text = message.text if len(message.text) <= MAX_REDUCED_TEXT else f"{message.text[:MAX_REDUCED_TEXT]}\n…\n"
    if isinstance(message, Message):
        shorter: Message | Notification = replace(message, html=None, attachments=(), text=text)
    else:
        shorter = replace(message, text=text, details=())
    return None if shorter == message else shorter


def _content_fields(delivery: Delivery, composed: composers.Content, now: datetime) -> dict[str, Any]:
    """The content fields to store with the attempt; none if the message may have arrived: then it is repeated as it
    was.

    A message that was clearly refused is composed anew, so that a mail that waited for days is up to date.
    """
    if delivery.repeats_content:
        return {}
    owner = composers.owner_of(delivery)
    words = {
        "subject": composed.subject[:MAX_SUBJECT],
        "text": composed.brief or composed.text if delivery.uses_channel else composed.text,
        "html": "" if delivery.uses_channel else composed.html,
        "details": composed.details if delivery.uses_channel else [],
        "attachments": composers.attachments_to_json(composed.attachments),
        "composed_at": now,
        "message_id": "" if delivery.uses_channel else f"<{delivery.pk}@{settings.MESSAGE_ID_DOMAIN}>",
        "belongs_to": str(owner or Delivery.INSTALLATION),
    }
    for name, value in words.items():
        setattr(delivery, name, value)
    return words


def _message(
    delivery: Delivery, route: Route, composed: composers.Content, failure: SendError | None
) -> Message | Notification:
    """The message in the form that the route takes. `failure` is why no mail was sent, for a channel of last resort."""
    assert delivery.composed_at is not None  # noqa: S101 (set by _words)
    if route.is_last_resort:
        return fallback.fallback_notification(delivery, composed, failure)
    if route.channel is not None:
        return Notification(
            id=delivery.pk,
            subject=delivery.subject,
            text=delivery.text,
            at=delivery.composed_at,
            event=delivery.purpose,
            details=tuple(delivery.details),
        )
    return Message(
        subject=delivery.subject,
        text=composers.fill_placeholders(delivery, delivery.text),
        html=composers.fill_placeholders(delivery, delivery.html) or None,
        to=(delivery.recipient,),
        message_id=delivery.message_id,
        date=delivery.composed_at,
        attachments=composers.attachments_from_json(delivery.attachments),
        leaves_copy=delivery.purpose not in GRANT_ACCESS,
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )


class LeaseLost(Exception):
    """The process was suspended (a sleeping machine, SIGSTOP) until another worker claimed the delivery."""


def send(delivery: Delivery, attempt: Attempt, by: Callable[[Callable[[str, str], None], OnDraft], Receipt]) -> Receipt:
    """Make one attempt. Raises SendError, LeaseLost, SecretUnavailable, UnknownName."""
    begun = _uptime()

    def on_step(step: str, detail: str) -> None:
        passed = _uptime() - begun
        attempt.steps.append({"step": step, "ms": round(passed * 1000), "detail": detail})
        # The last step before the message is sent: after a delay, check that the lease is still ours.
        slow = passed > settings.OUTBOX_LEASE.total_seconds() / 10
        if step in ("permission", "address") and slow and not claims.is_owned(delivery):
            raise LeaseLost
        if delivery.purpose == Purpose.TEST:  # a user watches the steps; but sending matters more
            with contextlib.suppress(DatabaseError):
                attempt.save(update_fields=["steps"])

    def on_draft(draft: str) -> None:
        if draft:
            failpoint("draft-made")
        try:
            is_kept = claims.save_draft(attempt, draft or UNNAMED)
        except DatabaseError as error:
            raise SendError("other", messages.UNEXPECTED % {"error": type(error).__name__}) from None
        if not is_kept:
            raise LeaseLost
        failpoint("draft-kept" if draft else "draft-begun")

    try:
        receipt = by(on_step, on_draft)
    except (SendError, LeaseLost, SecretUnavailable, UnknownName):
        raise
    except Exception as error:
        # An unexpected error, after which the outcome is unknown. Only the type's name: the text may contain a secret.
        log.error("sending %s by %s raised %s", delivery.pk, attempt.transport, type(error).__name__)
        raise SendError("other", messages.UNEXPECTED % {"error": type(error).__name__}, Acceptance.UNKNOWN) from None
    failpoint("after-acceptance")
    on_step("message", receipt.answer)
    return receipt


def _uptime() -> float:
    """Seconds that also pass while the process or machine is suspended; the wall clock can be set back."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def accepted(delivery: Delivery, attempt: Attempt, receipt: Receipt, clock: Clock, **fields: Any) -> DeliveryState:
    """Record acceptance, and retry while the lease lasts if the database is away: otherwise the message is sent again.

    Repeating a commit whose answer was lost is safe: the row is no longer ours then.
    """
    deadline = time.monotonic() + settings.OUTBOX_LEASE.total_seconds()
    while True:
        try:
            claims.finish(
                delivery,
                DeliveryState.SENT,
                clock(),
                attempt=attempt,
                outcome=AttemptOutcome.ACCEPTED,
                details={"request_ids": receipt.request_ids, "draft": ""},
                cause="",
                reason="",
                **fields,
            )
        except DatabaseError as error:
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            log.warning("%s was accepted and cannot be marked yet: %s", delivery.pk, type(error).__name__)
            connection.close()
            time.sleep(FINISH_RETRY_INTERVAL)
        else:
            return DeliveryState.SENT


def details(failure: SendError, now: datetime) -> dict[str, Any]:
    """Fields of the attempt that record the failure."""
    asked = min(timedelta(seconds=failure.retry_after or 0), MAX_RETRY_AFTER)
    return {
        "answer": failure.answer,
        "cause": failure.cause,
        "technical": failure.technical,
        "request_ids": failure.request_ids,
        "held_until": now + asked if asked else None,
    }


def uncertain(delivery: Delivery, attempt: Attempt, failure: SendError, now: datetime) -> DeliveryState:
    """Record an uncertain attempt of a test or of a draft. The draft is looked up in a minute; a test without a draft
    is settled."""
    claims.finish(
        delivery,
        DeliveryState.UNCERTAIN,
        now,
        attempt=attempt,
        outcome=AttemptOutcome.UNKNOWN,
        details=details(failure, now),
        not_before=now + jittered(FIRST_WAIT),
        cause=failure.cause,
        reason=failure.technical,
    )
    return DeliveryState.UNCERTAIN


def _wait_or_fail(delivery: Delivery, router: Router, walk: RouteWalk, now: datetime) -> DeliveryState:
    """Let the delivery wait: until a mailbox is free, an outage is over, or a user repairs the cause. A test fails, and
    so does a delivery whose recipient every route permanently refuses."""
    if walk.busy_until and not walk.failures:
        why = messages.CHANNEL_BUSY if delivery.uses_channel else messages.MAILBOX_BUSY
        claims.release(delivery, now, not_before=min(walk.busy_until), cause="", reason=why)
        return DeliveryState(delivery.state)
    last = walk.failures[-1] if walk.failures else router.failure_of(delivery, now)
    last = last or SendError("other", router.reason_without_route(delivery))
    if delivery.purpose == Purpose.TEST or _is_refused_by_all(delivery, router, walk):
        claims.finish(delivery, DeliveryState.FAILED, now, cause=last.cause, reason=last.technical)
        return DeliveryState.FAILED
    until = now + jittered(router.next_attempt_time(delivery, walk, now) - now)
    claims.release(delivery, now, not_before=until, cause=last.cause, reason=last.technical)
    return DeliveryState(delivery.state)


def _is_refused_by_all(delivery: Delivery, router: Router, walk: RouteWalk) -> bool:
    """Whether every route was tried in this walk and refuses the recipient."""
    is_whole = walk.refused == {route.key for route in router.routes_for(delivery)}
    return is_whole and bool(walk.failures) and all(map(_is_final, walk.failures))


_NO_SUCH_ADDRESS = re.compile(r"(?<![\d.])5\.1\.\d")
_POLICY = re.compile(
    r"(?<![\d.])5\.7\.\d|\brela(?:y(?:ing|age)?|is)\b(?![.:])|spam|block(?:ed|list)|black ?list|\b(?:spf|dkim|dmarc)\b",
    re.IGNORECASE,
)


def _is_final(failure: SendError) -> bool:
    """Whether the recipient does not exist and a retry cannot help. A policy (5.7.x), such as a relay that does not
    know us or a block list, can be corrected; many servers refuse that without an enhanced code."""
    if failure.cause != "recipient_rejected" or failure.retry:
        return False
    return bool(_NO_SUCH_ADDRESS.search(failure.technical)) or not _POLICY.search(failure.technical)


def jittered(wait: timedelta) -> timedelta:
    """Up to a tenth longer, so that deliveries are not all retried at the same moment."""
    return wait * random.uniform(1, 1.1)  # noqa: S311 (scatter, not secrecy)
