"""A channel's health, derived from its attempts: never tried, works, fails since, paused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from alertadmin.outbox.models import Attempt, AttemptOutcome, Channel

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class HealthState(StrEnum):
    PAUSED = "paused"
    NEVER = "never"
    WORKS = "works"
    FAILS = "fails"


@dataclass(frozen=True)
class ChannelHealth:
    state: HealthState
    since: datetime | None = None
    """WORKS: the time of the last success. FAILS: the first failure since the last success."""

    @classmethod
    def of(cls, channel: Channel) -> ChannelHealth:
        """The health of a channel from `with_attempts`."""
        worked, failed = vars(channel)["worked_at"], vars(channel)["failing_since"]
        if channel.is_paused:
            return cls(HealthState.PAUSED)
        if failed is not None:
            return cls(HealthState.FAILS, failed)
        return cls(HealthState.WORKS, worked) if worked else cls(HealthState.NEVER)


def with_attempts(channels: QuerySet[Channel]) -> QuerySet[Channel]:
    """Annotate `worked_at` and `failing_since`, by two index look-ups per channel."""
    ended = Attempt.objects.filter(channel=OuterRef("pk")).exclude(outcome=AttemptOutcome.OPEN)
    accepted = ended.filter(outcome=AttemptOutcome.ACCEPTED).order_by("-started_at")
    since = ended.exclude(outcome=AttemptOutcome.ACCEPTED).filter(
        started_at__gt=Coalesce(OuterRef("worked_at"), Value(LONG_AGO))
    )
    return channels.annotate(worked_at=Subquery(accepted.values("started_at")[:1])).annotate(
        failing_since=Subquery(since.order_by("started_at").values("started_at")[:1])
    )


def failing(channels: QuerySet[Channel]) -> QuerySet[Channel]:
    """Active channels whose latest attempt failed."""
    return with_attempts(channels).filter(Q(failing_since__isnull=False), is_paused=False)
