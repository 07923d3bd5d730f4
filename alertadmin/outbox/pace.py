"""Exchange takes 30 messages a minute from a mailbox; what is more waits here, not there.

Source: Exchange Online limits, "Message rate limit".
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from alertadmin.outbox.models import Attempt

PER_MINUTE = 30
WINDOW = timedelta(minutes=1)


class Pace:
    """Counts what each mailbox sent within the last minute: earlier runs' from the rows, this run's as it goes."""

    def __init__(self, per_minute: int | None = PER_MINUTE) -> None:
        self.per_minute = per_minute
        self._sent: dict[UUID, deque[datetime]] = {}
        self._lock = Lock()

    def take(self, mailbox: UUID | None, now: datetime) -> datetime | None:
        """Takes a place now and returns None, or says when the next one is free."""
        if self.per_minute is None or mailbox is None:
            return None
        with self._lock:
            sent = self._sent.get(mailbox)
            if sent is None:
                sent = self._sent[mailbox] = deque(self._earlier(mailbox, now))
            while sent and sent[0] <= now - WINDOW:
                sent.popleft()
            if len(sent) >= self.per_minute:
                return sent[-self.per_minute] + WINDOW
            sent.append(now)
            return None

    @staticmethod
    def _earlier(mailbox: UUID, now: datetime) -> list[datetime]:
        attempts = Attempt.objects.filter(mailbox=mailbox, started_at__gt=now - WINDOW)
        return list(attempts.order_by("started_at").values_list("started_at", flat=True))
