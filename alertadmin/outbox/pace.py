"""Exchange takes 30 messages a minute from a mailbox; what is more waits here, not there. Channels are told no faster.

Source: Exchange Online limits, "Message rate limit".
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from django.db.models import Q

from alertadmin.outbox.models import Attempt

PER_MINUTE = 30
WINDOW = timedelta(minutes=1)


class Pace:
    """Counts what each mailbox or channel sent within the last minute: other processes' from the rows, this one's as it
    goes.

    One whose server asked us to wait is not free before that either. The relay, the operator's own, is not paced.
    """

    def __init__(self, per_minute: int | None = PER_MINUTE) -> None:
        self.per_minute = per_minute
        self._taken: dict[UUID, Counter[datetime]] = {}
        self._held: dict[UUID, datetime] = {}
        self._lock = Lock()

    def take(self, sender: UUID | None, now: datetime, *, anyway: bool = False) -> datetime | None:
        """Takes a place now and returns None, or says when the next one is free. `anyway` takes one in any case."""
        if sender is None:
            return None
        with self._lock:
            free_at = self._free_at(sender, now)
            if free_at is not None and not anyway:
                return free_at
            self._taken.setdefault(sender, Counter())[now] += 1
            return None

    def free_at(self, sender: UUID | None, now: datetime) -> datetime | None:
        """When the next place is free, or None if one is."""
        if sender is None:
            return None
        with self._lock:
            return self._free_at(sender, now)

    def hold(self, sender: UUID | None, until: datetime) -> None:
        """The server asked to be left alone until then."""
        if sender is not None:
            with self._lock:
                self._held[sender] = max(until, self._held.get(sender, until))

    def _free_at(self, sender: UUID, now: datetime) -> datetime | None:
        if (until := self._held.get(sender)) is not None:
            if until > now:
                return until
            del self._held[sender]
        if self.per_minute is None:
            return None
        begin = now - WINDOW
        taken = Counter(
            {moment: times for moment, times in self._taken.pop(sender, Counter()).items() if moment > begin}
        )
        if taken:
            self._taken[sender] = taken
        # An attempt's row bears the moment at which its place was taken: our own count once.
        sent = sorted((taken | self._attempted(sender, now)).elements())
        return sent[-self.per_minute] + WINDOW if len(sent) >= self.per_minute else None

    @staticmethod
    def _attempted(sender: UUID, now: datetime) -> Counter[datetime]:
        attempts = Attempt.objects.filter(
            Q(mailbox=sender) | Q(channel=sender), started_at__gt=now - WINDOW, started_at__lte=now + WINDOW
        )
        return Counter(attempts.values_list("started_at", flat=True))
