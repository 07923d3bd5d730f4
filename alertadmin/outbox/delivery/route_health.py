"""Attempts as the retry rule reads them: a delivery's own, and what the doors of the routes last did for all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alertadmin.outbox.delivery.retry_rule import KEPT_OF_A_DOOR, LATEST_BELIEVED, Evidence, PastAttempt
from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery
from mailer.errors import Answer

OWN = 200
"""Attempts of one delivery that are read, the latest."""
SPOKE = frozenset({Answer.REFUSED, Answer.BUSY, ""})
"""Answers by which the server was heard; empty in rows of earlier versions."""


def evidence_of(outcome: str, answer: str) -> Evidence:
    """Of an attempt that is over."""
    if outcome == AttemptOutcome.ACCEPTED:
        return Evidence.ACCEPTED
    if outcome == AttemptOutcome.REFUSED:
        return Evidence.REFUSED if answer in SPOKE else Evidence.NOT_LEFT
    # Without an answer on record the fault was ours: the worker was lost, or the database failed.
    return Evidence.DOUBTFUL if outcome == AttemptOutcome.UNKNOWN and answer else Evidence.LOST


def tried(attempt: Attempt) -> PastAttempt:
    sender = attempt.mailbox_id or attempt.channel_id
    return PastAttempt(
        key=(sender, attempt.transport),
        door=attempt.door,
        evidence=evidence_of(attempt.outcome, attempt.answer),
        at=attempt.finished_at or attempt.started_at,
        walk=attempt.owner,
        has_draft=bool(attempt.draft),
        cause=attempt.cause,
        technical=attempt.technical,
    )


def history(delivery: Delivery) -> list[PastAttempt]:
    """Its own attempts that are over, oldest first."""
    over = delivery.attempts.exclude(outcome=AttemptOutcome.OPEN).defer("steps", "request_ids")
    return [tried(attempt) for attempt in reversed(over.order_by("-number")[:OWN])]


def latest(doors: Iterable[str], now: datetime) -> list[PastAttempt]:
    """The latest attempts by these doors that say something of a server; one look-up in an index for each door."""
    telling = Attempt.objects.exclude(outcome__in=[AttemptOutcome.OPEN, AttemptOutcome.LOST])
    telling = telling.filter(started_at__lte=now + LATEST_BELIEVED).defer("steps", "request_ids")
    return [
        tried(attempt)
        for door in sorted(set(doors) - {""})
        for attempt in telling.filter(door=door).order_by("-started_at")[:KEPT_OF_A_DOOR]
    ]
