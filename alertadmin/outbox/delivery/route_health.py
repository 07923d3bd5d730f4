"""What the attempts so far show about each route: for the retry rule, and for pages and health checks.

A route is judged by its attempts, not by its configuration. An attempt counts if its server was called: not one that is
still open, was lost with its worker, or was never made. Of those that count the latest decides, tests included.

    accepted                                     works
    the recipient or the size was refused        works: the server accepts mail
    throttled, a sending limit                   works: it accepts no more at the moment
    anything else refused, or not answered       failed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, Subquery

from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.delivery_log import MESSAGE_CAUSES
from alertadmin.outbox.delivery.retry_rule import ATTEMPTS_PER_ENDPOINT, CLOCK_SKEW, Evidence, PastAttempt
from alertadmin.outbox.delivery.routes import RELAY
from alertadmin.outbox.models import Attempt, AttemptOutcome, Channel, Delivery
from alertadmin.outbox.queue.claims import THROTTLED_CAUSES
from alertadmin.registry.models import Mailbox
from mailer.errors import Answer

MAX_HISTORY = 200
"""Maximum number of attempts read of one delivery, the latest."""
SERVER_ANSWERS = frozenset({Answer.REFUSED, Answer.BUSY, ""})
"""Answers sent by the server; rows of earlier versions have none."""
Row = TypeVar("Row", Mailbox, Channel)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
STATUS_CLOCK_SKEW = timedelta(hours=1)
"""Ignore attempts that are further in the future than this (clock skew)."""
ANSWERED = Q(outcome__in=[AttemptOutcome.REFUSED, AttemptOutcome.UNKNOWN]) & ~Q(cause="")
FAILED = ANSWERED & ~Q(cause__in=MESSAGE_CAUSES | THROTTLED_CAUSES)
CONCLUSIVE = Q(outcome=AttemptOutcome.ACCEPTED) | ANSWERED


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
        endpoint=attempt.endpoint,
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


def latest(endpoints: Iterable[str], now: datetime) -> list[PastAttempt]:
    """The latest attempts at these endpoints that show how the server answered; one index look-up per endpoint."""
    conclusive = Attempt.objects.exclude(outcome__in=[AttemptOutcome.OPEN, AttemptOutcome.LOST])
    conclusive = conclusive.filter(started_at__lte=now + CLOCK_SKEW).defer("steps", "request_ids")
    return [
        to_past_attempt(attempt)
        for endpoint in sorted(set(endpoints) - {""})
        for attempt in conclusive.filter(endpoint=endpoint).order_by("-started_at")[:ATTEMPTS_PER_ENDPOINT]
    ]


class ByRelay(Func):
    """A literal instead of a parameter, so that SQLite recognises its partial index of the relay's attempts."""

    template = "%(expressions)s = 'relay'"
    output_field = BooleanField()


@dataclass(frozen=True)
class FailedRoute:
    """A route whose latest attempt failed."""

    kind: str
    """"mailbox", "channel" or "relay"."""
    cause: str
    """A slug of `mailer.diagnosis`."""
    since: datetime
    """Start of its first failure since it last worked."""
    tried_at: datetime
    id: UUID | None = None
    """Id of the mailbox or channel; None for the relay."""


def failed_mailboxes(mailboxes: QuerySet[Mailbox], now: datetime) -> QuerySet[Mailbox]:
    """Mailboxes whose own transport failed, annotated with `last_attempt`. Tests by other transports do not count."""
    attempts = _attempts(now).filter(mailbox=OuterRef("pk"), transport=OuterRef("transport"))
    return _with_failed_attempt(mailboxes, attempts)


def failed_channels(channels: QuerySet[Channel], now: datetime) -> QuerySet[Channel]:
    """Active channels that failed, annotated with `last_attempt`."""
    attempts = _attempts(now).filter(channel=OuterRef("pk"))
    return _with_failed_attempt(channels.filter(is_paused=False), attempts)


def failed_relay(now: datetime) -> FailedRoute | None:
    """The relay if it failed; None if it works or is not configured."""
    if connections.relay() is None:
        return None
    attempts = _attempts(now).filter(ByRelay(F("transport")))
    last = attempts.filter(CONCLUSIVE).order_by("-started_at", "-id").first()
    if last is None or not attempts.filter(FAILED, pk=last.pk).exists():
        return None
    return FailedRoute(RELAY, last.cause, _since(attempts, last), last.started_at)


def failed_routes(now: datetime, *, most: int) -> tuple[list[FailedRoute], int]:
    """The first `most` failed routes and the total: the relay, mailboxes, channels."""
    relay = failed_relay(now)
    found = [relay] if relay else []
    count = len(found)
    mailboxes = failed_mailboxes(Mailbox.objects.order_by("-sends_reminders", "address", "pk"), now)
    channels = failed_channels(Channel.objects.order_by("name", "pk"), now)
    for kind, failed in (("mailbox", mailboxes), ("channel", channels)):
        rows = [(route.pk, vars(route)["last_attempt"]) for route in failed.only("pk")]
        count += len(rows)
        shown = rows[: max(0, most - len(found))]
        attempts = Attempt.objects.in_bulk([attempt for _pk, attempt in shown])
        for pk, attempt in shown:
            last = attempts[attempt]
            of_route = _attempts(now).filter(**{kind: pk}, transport=last.transport)
            found.append(FailedRoute(kind, last.cause, _since(of_route, last), last.started_at, pk))
    return found, count


def _attempts(now: datetime) -> QuerySet[Attempt]:
    return Attempt.objects.filter(started_at__lte=now + STATUS_CLOCK_SKEW).order_by()


def _with_failed_attempt(routes: QuerySet[Row], attempts: QuerySet[Attempt]) -> QuerySet[Row]:
    latest = attempts.filter(CONCLUSIVE).order_by("-started_at", "-id")
    failed = Attempt.objects.filter(FAILED, pk=OuterRef("last_attempt"))
    return routes.annotate(last_attempt=Subquery(latest.values("pk")[:1])).filter(Exists(failed))


def _since(attempts: QuerySet[Attempt], last: Attempt) -> datetime:
    """Start of the first failure since the route last worked."""
    worked = attempts.filter(CONCLUSIVE & ~FAILED).order_by("-started_at").values_list("started_at", flat=True).first()
    first = attempts.filter(FAILED, started_at__gt=worked or LONG_AGO).order_by("started_at")
    return first.values_list("started_at", flat=True).first() or last.started_at
