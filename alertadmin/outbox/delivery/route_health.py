"""Load attempts for the retry rule: a delivery's own, and the latest at each endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alertadmin.outbox.delivery.retry_rule import ATTEMPTS_PER_ENDPOINT, CLOCK_SKEW, Evidence, PastAttempt
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery
from mailer.errors import Answer

MAX_HISTORY = 200
"""Maximum number of attempts read of one delivery, the latest."""
SERVER_ANSWERS = frozenset({Answer.REFUSED, Answer.BUSY, ""})
"""Answers sent by the server; rows of earlier versions have none."""


def evidence_of(outcome: str, answer: str) -> Evidence:
    """What a finished attempt proves."""
    if outcome == AttemptOutcome.ACCEPTED:
        return Evidence.ACCEPTED
    if outcome == AttemptOutcome.REFUSED:
        return Evidence.REFUSED if answer in SERVER_ANSWERS else Evidence.NOT_LEFT
    # No answer stored means that the fault was ours: the worker was lost, or the database failed.
    return Evidence.DOUBTFUL if outcome == AttemptOutcome.UNKNOWN and answer else Evidence.LOST


def to_past_attempt(attempt: Attempt) -> PastAttempt:
    sender = attempt.mailbox_id or attempt.channel_id
    return PastAttempt(
        key=(sender, attempt.transport),
        endpoint=attempt.door,
        evidence=evidence_of(attempt.outcome, attempt.answer),
        at=attempt.finished_at or attempt.started_at,
        walk=attempt.owner,
        has_draft=bool(attempt.draft),
        cause=attempt.cause,
        technical=attempt.technical,
    )


def history(delivery: Delivery) -> list[PastAttempt]:
    """The delivery's own finished attempts, oldest first."""
    over = delivery.attempts.exclude(outcome=AttemptOutcome.OPEN).defer("steps", "request_ids")
    return [to_past_attempt(attempt) for attempt in reversed(over.order_by("-number")[:MAX_HISTORY])]


def latest(doors: Iterable[str], now: datetime) -> list[PastAttempt]:
    """The latest attempts at these endpoints that show how the server answered; one index look-up per endpoint."""
    telling = Attempt.objects.exclude(outcome__in=[AttemptOutcome.OPEN, AttemptOutcome.LOST])
    telling = telling.filter(started_at__lte=now + CLOCK_SKEW).defer("steps", "request_ids")
    return [
        to_past_attempt(attempt)
        for door in sorted(set(doors) - {""})
        for attempt in telling.filter(door=door).order_by("-started_at")[:ATTEMPTS_PER_ENDPOINT]
    ]
