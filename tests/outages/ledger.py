"""What the provider accepted, when, and whether the client got the answer: the only evidence that tests rely on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.utils import parseaddr
from uuid import UUID


@dataclass(frozen=True)
class Acceptance:
    """One message that an endpoint took."""

    at: datetime
    endpoint: str
    mailbox: str
    """Who sent it; empty for the relay and the webhook."""
    recipient: str
    """Empty for a webhook."""
    message_id: str
    date: str
    was_hidden: bool
    """The client did not get the confirmation: the answer was lost, or differed."""

    @property
    def delivery(self) -> UUID:
        """The primary key of the delivery row, which Message-IDs and webhook ids are made of."""
        return UUID(self.message_id.strip("<>").partition("@")[0])


class AcceptanceLedger:
    def __init__(self) -> None:
        self._acceptances: list[Acceptance] = []
        self._lock = threading.Lock()

    def add(self, acceptance: Acceptance) -> None:
        with self._lock:
            self._acceptances.append(acceptance)

    def add_mail(self, mime: bytes, *, at: datetime, endpoint: str, mailbox: str, was_hidden: bool) -> None:
        """One acceptance for each address in To."""
        message = message_from_bytes(mime, policy=policy.compat32)
        for address in str(message["To"]).split(","):
            self.add(
                Acceptance(
                    at=at,
                    endpoint=endpoint,
                    mailbox=mailbox,
                    recipient=parseaddr(address)[1],
                    message_id=str(message["Message-ID"]),
                    date=str(message["Date"]),
                    was_hidden=was_hidden,
                )
            )

    def all(self) -> list[Acceptance]:
        with self._lock:
            return list(self._acceptances)

    def of(self, delivery: UUID) -> list[Acceptance]:
        """Oldest first."""
        return [one for one in self.all() if one.delivery == delivery]

    def clear(self) -> None:
        with self._lock:
            self._acceptances.clear()
