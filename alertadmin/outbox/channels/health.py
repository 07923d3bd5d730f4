"""How a channel stands, derived from what became of its attempts: never tried, works, fails since, paused."""

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
    stands: HealthState
    since: datetime | None = None
    """Of one that works: when it was last told; of one that fails: its first failure since it last worked."""

    @classmethod
    def of(cls, channel: Channel) -> ChannelHealth:
        """Of one that `with_attempts` found."""
        worked, failed = vars(channel)["worked_at"], vars(channel)["failing_since"]
        if channel.is_paused:
            return cls(HealthState.PAUSED)
        if failed is not None:
            return cls(HealthState.FAILS, failed)
        return cls(HealthState.WORKS, worked) if worked else cls(HealthState.NEVER)


def with_attempts(channels: QuerySet[Channel]) -> QuerySet[Channel]:
    """Adds `worked_at` and `failing_since`; two look-ups in an index for each."""
    ended = Attempt.objects.filter(channel=OuterRef("pk")).exclude(outcome=AttemptOutcome.OPEN)
    accepted = ended.filter(outcome=AttemptOutcome.ACCEPTED).order_by("-started_at")
    since = ended.exclude(outcome=AttemptOutcome.ACCEPTED).filter(
        started_at__gt=Coalesce(OuterRef("worked_at"), Value(LONG_AGO))
    )
    return channels.annotate(worked_at=Subquery(accepted.values("started_at")[:1])).annotate(
        failing_since=Subquery(since.order_by("started_at").values("started_at")[:1])
    )


def failing(channels: QuerySet[Channel]) -> QuerySet[Channel]:
    """Those that are to be told and were not, the latest time."""
    return with_attempts(channels).filter(Q(failing_since__isnull=False), is_paused=False)
