"""Rate limits of Exchange: 30 messages a minute from a mailbox, four at once. Channels are limited likewise.

Source: Exchange Online limits, "Message rate limit"; Microsoft Graph throttling limits, "Outlook service limits".
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from django.db.models import Max, Q

from alertadmin.outbox.models import Attempt, AttemptOutcome

PER_MINUTE = 30
AT_ONCE = 4
WINDOW = timedelta(minutes=1)
BUSY_WAIT = timedelta(seconds=1)
MAX_RETRY_AFTER = timedelta(days=1)
"""Upper limit of a server's Retry-After."""


class RateLimiter:
    """Counts what each mailbox or channel sent within the last minute: other processes' attempts from the database,
    this process's in memory.

    A sender whose server asked any process to wait is not free before that time. The SMTP relay is the operator's own
    and is not limited.
    """

    def __init__(self, per_minute: int | None = PER_MINUTE) -> None:
        self.per_minute = per_minute
        self._taken: dict[UUID, Counter[datetime]] = {}
        self._lock = Lock()

    def acquire(self, sender: UUID | None, now: datetime, *, force: bool = False) -> datetime | None:
        """Take a slot now and return None, or return when the next is free. `force` takes one in any case."""
        if sender is None:
            return None
        with self._lock:
            free_at = self._free_at(sender, now)
            if free_at is not None and not force:
                return free_at
            self._taken.setdefault(sender, Counter())[now] += 1
            return None

    def free_at(self, sender: UUID | None, now: datetime) -> datetime | None:
        """When the next slot is free, or None if one is free now."""
        if sender is None:
            return None
        with self._lock:
            return self._free_at(sender, now)

    def _free_at(self, sender: UUID, now: datetime) -> datetime | None:
        if (until := _retry_after(sender, now)) is not None:
            return until
        if self.per_minute is None:
            return None
        begin = now - WINDOW
        taken = Counter(
            {moment: times for moment, times in self._taken.pop(sender, Counter()).items() if moment > begin}
        )
        if taken:
            self._taken[sender] = taken
        # An attempt started at the moment at which its slot was taken: count our own once.
        attempts = _attempts(sender, now)
        sent = sorted((taken | Counter(moment for moment, _outcome in attempts)).elements())
        if len(sent) >= self.per_minute:
            return sent[-self.per_minute] + WINDOW
        under_way = sum(outcome == AttemptOutcome.OPEN for _moment, outcome in attempts)
        return now + BUSY_WAIT if under_way >= AT_ONCE else None


def _attempts(sender: UUID, now: datetime) -> list[tuple[datetime, str]]:
    """Start and outcome of the attempts of the last minute."""
    attempts = Attempt.objects.filter(_of(sender), started_at__gt=now - WINDOW, started_at__lte=now + WINDOW)
    return list(attempts.values_list("started_at", "outcome"))


def _retry_after(sender: UUID, now: datetime) -> datetime | None:
    """The latest time until which the sender's server asked to wait, in any process."""
    limited = Attempt.objects.filter(_of(sender), held_until__gt=now, held_until__lte=now + MAX_RETRY_AFTER)
    until: datetime | None = limited.aggregate(until=Max("held_until"))["until"]
    return until


def _of(sender: UUID) -> Q:
    return Q(mailbox=sender) | Q(channel=sender)
